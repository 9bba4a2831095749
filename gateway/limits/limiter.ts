import type { CompiledRate, RateVerdict } from './gcra.ts'

/** One limit to be asked for one request. */
export type Claim =
  | { readonly kind: 'rate'; readonly key: string; readonly rate: CompiledRate }
  | { readonly kind: 'quota'; readonly key: string; readonly count: number; readonly leftMs: number }

/**
 * PORT: counts. Called at most twice a request, for all claims of one step at once: they are taken together or not at
 * all, so that a request that one limit refuses costs nothing of the others. Verdicts are in the order of the claims.
 */
export interface Limiter {
  /** Throws `limits-store-away` when nobody could count; never reads silence as a verdict. */
  take(claims: readonly Claim[]): readonly RateVerdict[] | Promise<readonly RateVerdict[]>
  close(): Promise<void>
}

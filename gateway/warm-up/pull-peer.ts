import type { CacheOperation } from '../store/cache-operation.ts'

export type PulledValue = Extract<CacheOperation, { kind: 'set' }>

/** PORT: the caches of the other sites, for values that this one lacks. */
export interface PullPeer {
  /** The value as it is there, `absent`, or `failed` when nobody answered within the deadline. Never rejects. */
  pull(namespace: string, key: string, deadlineMs: number): Promise<PulledValue | 'absent' | 'failed'>
  /** What was hit there in the last hour: a sample, at most 1,000 keys. Undefined: nobody answered. Never rejects. */
  sample(namespace: string, deadlineMs: number): Promise<readonly string[] | undefined>
  /** Namespaces of which there is a sample, at most 200. Undefined: nobody answered. Never rejects. */
  namespaces(deadlineMs: number): Promise<readonly string[] | undefined>
  close(): Promise<void>
}

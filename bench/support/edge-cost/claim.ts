/** What was measured of one claim, and whether it holds. */
import { percentile } from '../../plot.ts'

export interface Claim {
  readonly name: string
  readonly measured: string
  readonly limit: string
  readonly holds: boolean
}

/** What several of the measurements need to know. */
export interface Effort {
  /** Contenders take turns, so that noise meets all: so often. */
  readonly rounds: number
  /** What times may be above their limit: more than 1 where others use the same cores. */
  readonly patience: number
}

export function below(name: string, value: number, limit: number, text: (value: number) => string): Claim {
  return { name, measured: text(value), limit: `<= ${text(limit)}`, holds: value <= limit }
}

export function none(name: string, count: number): Claim {
  return { name, measured: `${count}`, limit: '0', holds: count === 0 }
}

export function median(values: readonly number[]): number {
  return percentile(Float64Array.from(values).sort(), 0.5)
}

export const ms = (value: number): string => `${value.toFixed(0)} ms`
export const exactMs = (value: number): string => `${value.toFixed(3)} ms`

import type { LogKind } from './segment.ts'

/** What one place's journal is: in a twin file, synced with each change. Files that it does not name do not count. */
export interface JournalState {
  readonly id: string
  /** Something of an earlier life was lost, and the floor of the site is not raised yet. */
  readonly lost: boolean
  /** The same, until every destination has answered this life: one that never heard of the earlier one cannot see that it is gone. */
  readonly afterLoss?: boolean
  /** It ended with nothing left; the slot is as good as new. */
  readonly retired: boolean
  /** By log, in order: number and, when nothing is written to it any more, where it ends (else 0). */
  readonly segments: Readonly<Record<LogKind, readonly (readonly [number, number])[]>>
}

const version = 1

export const formatState = (state: JournalState): string => JSON.stringify({ v: version, ...state })

/** Undefined: another release wrote it, or nobody. */
export function parseState(text: string | undefined): JournalState | undefined {
  const state = text === undefined ? undefined : (JSON.parse(text) as JournalState & { readonly v: number })
  return state?.v === version ? state : undefined
}

/** How far everybody is: in a twin file, not synced, since older marks only mean that something is told twice. */
export interface JournalMarks {
  /** All up to this seq stands in the zones of this site. */
  readonly applied: number
  /** Highest seq given, since segments with higher ones than what is left may be gone. */
  readonly head: number
  /** The highest stamp, decimal. */
  readonly stamp: string
  /** By destination and log: the mark of each lane. */
  readonly destinations: Readonly<Record<string, DestinationMarks>>
}

export type DestinationMarks = Readonly<Record<LogKind, readonly number[]>>

export const formatMarks = (marks: JournalMarks): string => JSON.stringify({ v: version, ...marks })

/** None when there are none that can be read: everything is told again. */
export function parseMarks(text: string | undefined): JournalMarks {
  const marks = text === undefined ? undefined : (JSON.parse(text) as JournalMarks & { readonly v: number })
  return marks?.v === version ? marks : { applied: 0, head: 0, stamp: '0', destinations: {} }
}

import type { CommandName } from './command-names.ts'
import type { MetaFlags } from './meta-flags.ts'

/** One command as it was sent, its form checked. Keys are one character a byte, at most 250 of them. */
export type Command =
  | GetCommand
  | StoreCommand
  | TouchCommand
  | CountCommand
  | DeleteCommand
  | FlushCommand
  | StatsCommand
  | MetaCommand
  | MetaSetCommand
  | MetaDebugCommand
  | TooLargeCommand
  | SaidCommand
  | LastCommand

/** `get gets gat gats`; `seconds`: the new time to live of `gat`. */
export interface GetCommand {
  readonly kind: 'get'
  readonly name: CommandName
  readonly keys: readonly string[]
  readonly withUnique: boolean
  readonly seconds: number | undefined
}

export interface StoreCommand {
  readonly kind: 'store'
  readonly name: 'set' | 'add' | 'replace' | 'append' | 'prepend' | 'cas'
  readonly key: string
  readonly flags: number
  readonly seconds: number
  /** Of `cas`. */
  readonly unique: bigint
  readonly quiet: boolean
  /** Put there by the parser, which makes the rest of the command before it comes. */
  value: Buffer
}

export interface TouchCommand {
  readonly kind: 'touch'
  readonly name: 'touch'
  readonly key: string
  readonly seconds: number
  readonly quiet: boolean
}

/** `incr decr` */
export interface CountCommand {
  readonly kind: 'count'
  readonly name: 'incr' | 'decr'
  readonly key: string
  /** Below 0: down. */
  readonly by: bigint
  readonly quiet: boolean
}

export interface DeleteCommand {
  readonly kind: 'delete'
  readonly name: 'delete'
  readonly key: string
  readonly quiet: boolean
}

export interface FlushCommand {
  readonly kind: 'flush'
  readonly name: 'flush_all'
  readonly seconds: number
  readonly quiet: boolean
}

export interface StatsCommand {
  readonly kind: 'stats'
  readonly name: 'stats'
  readonly group: string
}

/** `mg md ma`; each takes from the flags what it knows. */
export interface MetaCommand {
  readonly kind: 'mg' | 'md' | 'ma'
  readonly name: 'mg' | 'md' | 'ma'
  readonly key: string
  readonly flags: MetaFlags
}

export interface MetaSetCommand {
  readonly kind: 'ms'
  readonly name: 'ms'
  readonly key: string
  readonly flags: MetaFlags
  /** As that of `StoreCommand`. */
  value: Buffer
}

export interface MetaDebugCommand {
  readonly kind: 'me'
  readonly name: 'me'
  readonly key: string
  /** As the answer repeats it. */
  readonly shown: string
}

/** A value above the limit, which was swallowed. `removes`: what is stored must not stand there as if the set had never been. */
export interface TooLargeCommand {
  readonly kind: 'too-large'
  readonly name: CommandName
  readonly key: string
  readonly removes: boolean
  readonly answer: string
}

/** The answer stands already: it touches no key. Empty: none is wanted. */
export interface SaidCommand {
  readonly kind: 'said'
  readonly name: CommandName
  readonly answer: string
}

/** After its answer the connection ends. */
export interface LastCommand {
  readonly kind: 'last'
  readonly name: CommandName
  readonly answer: string | Buffer
}

/** A command whose value is still to come, with CR LF behind it. */
export interface Announced {
  readonly kind: 'announced'
  readonly bytes: number
  /** Without its value; a `said` one is told once the value is swallowed. */
  readonly command: StoreCommand | MetaSetCommand | SaidCommand
  /** The old value goes when this one does not fit. */
  readonly removes: boolean
  /** Faults, too, are not wanted. */
  readonly quiet: boolean
}

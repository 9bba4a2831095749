import type { ReadDocument } from './document.ts'
import { type Fault, faultAt, type Place, shown, type Told } from './fault.ts'

type More = Pick<Told, 'fix' | 'also'>

/** What is found in one document beyond its schema, each thing at its place. */
export class Findings {
  readonly #document: ReadDocument<unknown>
  readonly #faults: Fault[]
  readonly #warnings: Fault[]

  /** Adds to `faults` and `warnings`, which collect those of all documents. */
  constructor(document: ReadDocument<unknown>, faults: Fault[], warnings: Fault[]) {
    this.#document = document
    this.#faults = faults
    this.#warnings = warnings
  }

  /** Where a value stands, by JSON pointer. */
  at(pointer: string): Place {
    return this.#document.at(pointer)
  }

  fault(pointer: string, value: unknown, expected: string, more: More = {}): void {
    this.#faults.push(faultAt(this.at(pointer), pointer, { value: shown(value), expected, ...more }))
  }

  /** A fault of a key rather than of what stands behind it. */
  faultOfKey(pointer: string, key: string, expected: string, more: More = {}): void {
    this.#faults.push(faultAt(this.#document.keyAt(pointer), pointer, { value: shown(key), expected, ...more }))
  }

  /** What is allowed and hardly meant; `what` is the key as a reader would name it. */
  warn(pointer: string, what: string, expected: string, fix: string): void {
    this.#warnings.push(faultAt(this.#document.keyAt(pointer), pointer, { value: what, expected, fix }))
  }
}

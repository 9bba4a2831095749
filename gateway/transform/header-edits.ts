import { isHeaderValue } from '#routes/header-text.ts'
import type { HeaderEdits } from '#routes/policy.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import { fieldText, type ValueOf } from './rewrite-values.ts'
import { compileTemplate, fillTemplate, type Template } from './template.ts'

/** Edits of one direction, ready to be applied. */
export interface CompiledEdits {
  /** Names that go, in the form of `twinless`: those removed, and those set anew. */
  readonly gone: ReadonlySet<string>
  readonly written: readonly { readonly name: string; readonly value: Template }[]
}

/** Says which names no catalog may touch. */
export type Protected = (name: string) => boolean

/** Undefined where nothing is left to do. */
export function compileEdits(edits: HeaderEdits | undefined, isKept: Protected): CompiledEdits | undefined {
  if (edits === undefined) return undefined
  const gone = new Set<string>()
  const written: { name: string; value: Template }[] = []
  for (const name of edits.remove ?? []) if (!isKept(name)) gone.add(twinless(name))
  for (const [name, value] of Object.entries(edits.set ?? {})) {
    if (isKept(name)) continue
    gone.add(twinless(name))
    written.push({ name, value: compileTemplate(value) })
  }
  for (const [name, value] of Object.entries(edits.add ?? {})) {
    if (!isKept(name)) written.push({ name, value: compileTemplate(value) })
  }
  return gone.size === 0 && written.length === 0 ? undefined : { gone, written }
}

/**
 * The pairs after the edits. A field that is set loses the sender's own first, also where the new value is missing: a client
 * must not fill in what the gateway does not know. A value that is missing, or would not stay one line, is left out.
 */
export function applyEdits(pairs: HeaderPairs, { gone, written }: CompiledEdits, valueFor: ValueOf): HeaderPairs {
  const edited: HeaderPairs = []
  for (let at = 0; at < pairs.length; at += 2) {
    if (!gone.has(twinless(pairs[at] as string))) edited.push(pairs[at] as string, pairs[at + 1] as string)
  }
  for (const { name, value } of written) {
    const text = fillTemplate(value, (place) => {
      const found = valueFor(place)
      return found === undefined ? undefined : fieldText(place, found)
    })
    if (text !== undefined && isHeaderValue(text)) edited.push(name, text)
  }
  return edited
}

/** `X_Plan` reaches many frameworks as `x-plan`: both are one name. */
export function twinless(name: string): string {
  const lower = name.toLowerCase()
  return plain.test(lower) ? lower : lower.replace(/[^a-z0-9]/g, '-')
}

const plain = /^[a-z0-9-]*$/

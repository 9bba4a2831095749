import type { Static, TSchema } from 'typebox'
import { Check } from 'typebox/value'
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLError,
} from 'yaml'
import { type Fault, faultAt, inOrder, type Place, pointerTo, shown, type Told } from './fault.ts'
import { complete, type Misfit, type Shape } from './misfit.ts'
import { printSize } from './quantity.ts'

export { type Fault, type Place, printFault } from './fault.ts'

export interface DocumentSource<Schema extends TSchema> {
  /** As faults name it. */
  readonly file: string
  readonly text: string
  readonly schema: Schema
  /** Longer files are refused unread. Default 1 MiB. */
  readonly limitBytes?: number
}

export type CheckedDocument<Schema extends TSchema> =
  | ({ readonly ok: true } & ReadDocument<Static<Schema>>)
  | {
      readonly ok: false
      readonly faults: readonly Fault[]
      /**
       * What is sound of it, only to be checked further, so that all faults are told at once: defaults in place of
       * wrong values and holes in place of wrong items. Absent when nothing is.
       */
      readonly draft?: ReadDocument<Static<Schema>>
    }

export interface ReadDocument<Value> {
  /** With the defaults of absent keys. */
  readonly value: Value
  /** Where a value stands, by JSON pointer; of a value that is a default, the mapping that lacks it. */
  at(pointer: string): Place
  /** Where its key stands. */
  keyAt(pointer: string): Place
}

/**
 * Reads a YAML document by its schema: the value with defaults, or all faults at once (at most 100), each with its
 * place. Any text is answered; nothing throws. A required key with a default may be absent.
 */
export function checkDocument<Schema extends TSchema>(source: DocumentSource<Schema>): CheckedDocument<Schema> {
  const unreadable = textFault(source.file, source.text, source.limitBytes ?? 1024 ** 2)
  if (unreadable !== undefined) return { ok: false, faults: [unreadable] }

  const document = readYaml(source.file, source.text)
  if (document.faults.length > 0) return { ok: false, faults: firstOf(document.faults) }

  const { value, sound, misfits } = complete(source.schema as Shape, document.value, (shape, part) =>
    Check(shape, part),
  )
  const { at, keyAt } = document
  if (misfits.length > 0) {
    const faults = firstOf(misfits.map((misfit) => document.faultOf(misfit)))
    return { ok: false, faults, ...(sound && { draft: { value: value as Static<Schema>, at, keyAt } }) }
  }
  // The words above are ours, the judgement is the validator's: what `complete` has no words for is refused here.
  if (!Check(source.schema, value)) {
    return { ok: false, faults: [faultAt(at(''), '', { value: shown(value), expected: 'does not fit its schema' })] }
  }
  return { ok: true, value, at, keyAt }
}

const mostFaults = 100

function firstOf(faults: readonly Fault[]): Fault[] {
  return inOrder(faults).slice(0, mostFaults)
}

/** A file that is no text, or too long: one fault, since nothing else in it means anything. */
function textFault(file: string, text: string, limitBytes: number): Fault | undefined {
  if (!fitsInBytes(text, limitBytes)) {
    const expected = `the file is larger than ${printSize(limitBytes)}`
    return { file, line: 1, column: 1, pointer: '', value: shown(text.slice(0, 20)), expected, fix: 'split it' }
  }
  // Bytes that are no UTF-8 arrive as U+FFFD.
  const at = text.search(/[\0\uFFFD]/)
  if (at < 0) return undefined
  const before = text.slice(0, at).split('\n')
  return {
    file,
    line: before.length,
    column: (before.at(-1) as string).length + 1,
    pointer: '',
    value: text[at] === '\0' ? 'a zero byte' : 'a byte that is not UTF-8',
    expected: 'expected a text file',
    fix: 'save the file as UTF-8',
  }
}

function fitsInBytes(text: string, limit: number): boolean {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    // A surrogate is half of four bytes.
    if (code > 0x7f) bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1
  }
  return bytes <= limit
}

interface YamlDocument extends ReadDocument<unknown> {
  readonly faults: readonly Fault[]
  faultOf(misfit: Misfit): Fault
}

/** Aliases repeat what they name: the bound on values is what stops a few lines from becoming millions. */
const mostValues = 100_000

function readYaml(file: string, text: string): YamlDocument {
  const lines = new LineCounter()
  const offsets = new Map<string, { readonly key: number; readonly value: number }>()
  const anchors = new Map<string, { readonly node: Node; open: boolean }>()
  const faults: Fault[] = []
  let values = 0

  return {
    value: read(),
    faults,
    at: (pointer) => placeOf(offsetsOf(pointer).value),
    keyAt: (pointer) => placeOf(offsetsOf(pointer).key),
    faultOf: ({ on, ...misfit }) => faultAt(placeOf(offsetsOf(misfit.pointer)[on]), misfit.pointer, misfit),
  }

  function read(): unknown {
    try {
      const document = parseDocument(text, {
        lineCounter: lines,
        prettyErrors: false,
        stringKeys: true,
        resolveKnownTags: false,
        // Told below, with both places; the parser compares each key with each other one.
        uniqueKeys: false,
        // `silent` would hide a second document.
        logLevel: 'error',
      })
      for (const error of [...document.errors, ...document.warnings]) addSyntaxFault(error)
      return faults.length > 0 ? undefined : contentOf(document.contents, '', 0)
    } catch {
      // The parser tells syntax errors as values; what it throws is an exhausted stack.
      faults.push({
        ...placeOf(0),
        pointer: '',
        value: shown(text.slice(0, 20)),
        expected: 'nested too deeply to be read',
      })
      return undefined
    }
  }

  function contentOf(node: ParsedNode | Node | null, pointer: string, keyOffset: number): unknown {
    const offset = node?.range?.[0] ?? keyOffset
    offsets.set(pointer, { key: keyOffset, value: offset })
    if (++values > mostValues) {
      if (values === mostValues + 1)
        tell(offset, pointer, { value: 'an alias', expected: `the document has more than ${mostValues} values` })
      return undefined
    }
    if (isAlias(node)) return aliasedValue(node.source, pointer, offset)
    const anchor = node !== null && 'anchor' in node ? node.anchor : undefined
    if (node === null || anchor === undefined) return plainContentOf(node, pointer)
    const named = { node, open: true }
    anchors.set(anchor, named)
    const value = plainContentOf(node, pointer)
    named.open = false
    return value
  }

  function aliasedValue(name: string, pointer: string, offset: number): unknown {
    const named = anchors.get(name)
    if (named === undefined)
      tell(offset, pointer, { value: shown(`*${name}`), expected: 'no anchor of this name stands before it' })
    else if (named.open) tell(offset, pointer, { value: shown(`*${name}`), expected: 'the alias contains itself' })
    else return plainContentOf(named.node, pointer)
    return undefined
  }

  function plainContentOf(node: Node | null, pointer: string): unknown {
    // An item has no key: what is told of its key is told of itself.
    if (isSeq(node))
      return (node.items as (Node | null)[]).map((item, at) =>
        contentOf(item, pointerTo(pointer, at), item?.range?.[0] ?? 0),
      )
    if (!isMap(node)) return isScalar(node) ? node.value : null
    const entries = new Map<string, unknown>()
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : ''
      const keyOffset = (pair.key as Node).range?.[0] ?? 0
      const child = pointerTo(pointer, key)
      const former = entries.has(key) ? offsets.get(child) : undefined
      if (former === undefined) entries.set(key, contentOf(pair.value as Node | null, child, keyOffset))
      else
        tell(keyOffset, child, {
          value: shown(key),
          expected: 'the key is there twice',
          fix: 'remove one',
          also: placeOf(former.key),
        })
    }
    return Object.fromEntries(entries)
  }

  function tell(offset: number, pointer: string, told: Told): void {
    faults.push(faultAt(placeOf(offset), pointer, told))
  }

  /** One a line: what the parser says after its first stumble is about the stumble, not about the text. */
  function addSyntaxFault({ code, message, pos: [offset] }: YAMLError): void {
    const place = placeOf(offset)
    if (faults.at(-1)?.line === place.line) return
    const rest = /^[^\r\n]{0,30}/.exec(text.slice(offset, offset + 30))?.[0] ?? ''
    const words = yamlWords[code] ?? { expected: `not YAML: ${message}`, fix: yamlFixes[code] ?? 'write it in quotes' }
    faults.push({ ...place, pointer: '', value: rest === '' ? 'the end of the line' : shown(rest), ...words })
  }

  /** Of the value itself, or of the nearest one that contains it. */
  function offsetsOf(pointer: string): { readonly key: number; readonly value: number } {
    for (let path = pointer; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
      const found = offsets.get(path)
      if (found !== undefined) return found
    }
    return offsets.get('') ?? { key: 0, value: 0 }
  }

  function placeOf(offset: number): Place {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
}

/** Plainer words for what people trip over most. */
const yamlWords: Partial<Record<YAMLError['code'], { readonly expected: string; readonly fix: string }>> = {
  TAB_AS_INDENT: { expected: 'YAML has no tabs in its indentation', fix: 'use spaces' },
  MULTIPLE_DOCS: { expected: 'a second document begins here', fix: 'give each document a file of its own' },
  NON_STRING_KEY: { expected: 'a key is a text', fix: 'write it as one word or in quotes' },
  RESOURCE_EXHAUSTION: { expected: 'nested too deeply to be read', fix: 'write it flatter' },
}

/** What mends it most often, beside the parser's own words. */
const yamlFixes: Partial<Record<YAMLError['code'], string>> = {
  BAD_INDENT: 'close what is open, or begin in the column of its neighbours',
  BLOCK_AS_IMPLICIT_KEY: 'look at how this line and the one before are indented, or write the text in quotes',
  BLOCK_IN_FLOW: 'close the bracket before it',
  MISSING_CHAR: 'close what is open',
  UNEXPECTED_TOKEN: 'look at the line before: an indentation, a bracket or a quote is wrong',
}

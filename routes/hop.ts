import { type Fields, readCount, readFields, writeFields } from './fields.ts'
import type { KeyRing } from './seal.ts'
import type { Bucket, Epoch, RouteId, TableNumber, UnitId } from './vocabulary.ts'

/**
 * The signed mark on a request between our programs: what the sender decided, and under which table. An edge's mark
 * and a gateway's differ in purpose, so neither can be replayed as the other. The body is not signed, since it
 * streams; replay within the window is possible and is why links to gateways carry TLS.
 */
export type MarkKind = 'edge' | 'hop'

export interface Mark {
  readonly at: number
  readonly requestId: string
  readonly structure: TableNumber
  readonly placements: TableNumber
  readonly route?: RouteId
  readonly unit?: UnitId
  readonly epoch?: Epoch
  readonly bucket?: Bucket
  readonly because: string
  /** Colo or name of the edge, or the forwarding site. */
  readonly from: string
  readonly country?: string
  /** The client's address as the sender believes it. */
  readonly address?: string
  readonly flags: readonly MarkFlag[]
}

export type MarkFlag = 'force' | 'failover' | 'shadow' | 'shadowed' | 'unsafe'

/** What the mark is bound to: it is worth nothing on another request. */
export interface MarkedRequest {
  readonly method: string
  readonly host: string
  readonly target: string
}

/** A mark is believed for this long either way: clocks of two programs differ. */
export const windowMs = 60_000

export async function writeMark(kind: MarkKind, mark: Mark, request: MarkedRequest, ring: KeyRing): Promise<string> {
  const value = writeFields([
    ['v', '1'],
    ['k', ring.signingId],
    ['t', String(mark.at)],
    ['i', mark.requestId],
    ['s', String(mark.structure)],
    ['p', String(mark.placements)],
    ['r', mark.route ?? ''],
    ['u', mark.unit ?? ''],
    ['e', mark.epoch?.toString() ?? ''],
    ['b', mark.bucket?.toString() ?? ''],
    ['w', mark.because],
    ['c', mark.from],
    ['g', mark.country ?? ''],
    ['a', mark.address ?? ''],
    ['f', mark.flags.join(',')],
  ])
  return `${value};m=${await ring.sign(signedText(kind, request, value))}`
}

export type MarkFault = 'malformed' | 'out-of-window' | 'mac-wrong'

export type ReadMark = { readonly ok: true; readonly mark: Mark } | { readonly ok: false; readonly because: MarkFault }

export async function readMark(
  kind: MarkKind,
  value: string,
  request: MarkedRequest,
  ring: KeyRing,
  now: number,
): Promise<ReadMark> {
  const fields = await checkMark(kind, value, request, ring, now)
  if (typeof fields === 'string') return { ok: false, because: fields }
  const at = readCount(fields.get('t'))
  const structure = readCount(fields.get('s'))
  const placements = readCount(fields.get('p'))
  if (at === undefined || structure === undefined || placements === undefined) {
    return { ok: false, because: 'malformed' }
  }
  return { ok: true, mark: { at, structure, placements, ...optionalFacts(fields) } }
}

/** Whether one of ours wrote the mark for this request, just now: its fields, or what is wrong. */
export async function checkMark(
  kind: MarkKind,
  value: string,
  request: MarkedRequest,
  ring: KeyRing,
  now: number,
): Promise<Fields | MarkFault> {
  const fields = readFields(value)
  const at = fields && readCount(fields.get('t'))
  if (fields === undefined || at === undefined) return 'malformed'
  if (Math.abs(now - at) > windowMs) return 'out-of-window'
  const valid = await ring.verify(fields.get('k'), signedText(kind, request, fields.signed), fields.mac)
  return valid ? fields : 'mac-wrong'
}

const knownFlags: readonly string[] = ['force', 'failover', 'shadow', 'shadowed', 'unsafe'] satisfies MarkFlag[]

function optionalFacts(fields: Fields): Omit<Mark, 'at' | 'structure' | 'placements'> {
  const text = (name: string) => fields.get(name) || undefined
  const epoch = readCount(fields.get('e'))
  const bucket = readCount(fields.get('b'))
  const route = text('r')
  const unit = text('u')
  const country = text('g')
  const address = text('a')
  return {
    requestId: fields.get('i'),
    because: fields.get('w'),
    from: fields.get('c'),
    flags: fields.get('f').split(',').filter(isFlag),
    ...(route === undefined ? {} : { route }),
    ...(unit === undefined ? {} : { unit }),
    ...(epoch === undefined ? {} : { epoch }),
    ...(bucket === undefined ? {} : { bucket }),
    ...(country === undefined ? {} : { country }),
    ...(address === undefined ? {} : { address }),
  }
}

function isFlag(flag: string): flag is MarkFlag {
  return knownFlags.includes(flag)
}

function signedText(kind: MarkKind, request: MarkedRequest, value: string): string {
  return `tidegate-${kind}-1\n${request.method}\n${request.host.toLowerCase()}\n${request.target}\n${value}`
}

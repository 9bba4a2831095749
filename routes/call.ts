import { readCount, readFields, writeFields } from './fields.ts'
import { digestOfBytes, type KeyRing } from './seal.ts'

/**
 * Signs API calls between two of our programs: method, target, audience, body and time under the purpose's shared
 * secret. The audience (a site, an edge's name, `control-plane`) keeps a call to one from being replayed to another.
 */
export interface Call {
  readonly method: string
  /** Path and query, as sent. */
  readonly target: string
  /** The whole body; empty when there is none. Calls are small, they never stream. */
  readonly body: Uint8Array
  readonly audience: string
}

const windowMs = 60_000

/** The value of `x-tidegate-call`. `nonce` makes two equal calls differ; the receiver may remember it. */
export async function signCall(call: Call, ring: KeyRing, now: number, nonce: string): Promise<string> {
  const value = writeFields([
    ['v', '1'],
    ['k', ring.signingId],
    ['t', String(now)],
    ['n', nonce],
    ['a', call.audience],
    ['d', await digestOfBytes(call.body)],
  ])
  return `${value};m=${await ring.sign(signedText(ring, call, value))}`
}

export type CallVerdict =
  | 'valid'
  | 'missing'
  | 'malformed'
  | 'out-of-window'
  | 'other-audience'
  | 'body-differs'
  | 'mac-wrong'

export async function checkCall(
  header: string | undefined,
  call: Call,
  ring: KeyRing,
  now: number,
): Promise<CallVerdict> {
  if (header === undefined) return 'missing'
  const fields = readFields(header)
  const at = fields && readCount(fields.get('t'))
  if (fields === undefined || at === undefined) return 'malformed'
  if (Math.abs(now - at) > windowMs) return 'out-of-window'
  if (fields.get('a') !== call.audience) return 'other-audience'
  const valid = await ring.verify(fields.get('k'), signedText(ring, call, fields.signed), fields.mac)
  if (!valid) return 'mac-wrong'
  return fields.get('d') === (await digestOfBytes(call.body)) ? 'valid' : 'body-differs'
}

function signedText(ring: KeyRing, call: Call, value: string): string {
  return `tidegate-call-1\n${ring.purpose}\n${call.method}\n${call.target}\n${value}`
}

import { problems as common } from '#routes/errors.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

export interface HeadLimits {
  /** Fields in a head. Node drops what is above its own limit silently, so ours answers. */
  readonly fields: number
  /** Of all fields, with the marks between them. */
  readonly bytes: number
}

/**
 * Refuses heads that two servers could read in two ways, beyond what the parser already refuses. Whoever fails here loses
 * the connection too: what follows on it may be the body of one reading and a request of the other. RFC 9112 section 11.2.
 */
export function framing(limits: HeadLimits): Phase {
  return { name: 'framing', before: (x) => checkHead(x, limits) }
}

function checkHead(x: Exchange, limits: HeadLimits): undefined {
  // HTTP/0.9 has no version to be unsupported: it is a request line that lacks one.
  if (x.version === '0.9') throw invalid('a request line without a version')
  if (x.version !== '1.1' && x.version !== '1.0')
    throw problems['version-unsupported']({ version: x.version, close: true })
  const { names, headers } = x
  if (names.length > limits.fields) throw problems['headers-too-large']({ limit: limits.fields, close: true })
  let hosts = 0
  let lengths = 0
  let bytes = 0
  let coding: string | undefined
  for (let field = 0; field < names.length; field++) {
    const name = names[field] as string
    bytes += name.length + (headers[2 * field + 1] as string).length + fieldMarksBytes
    if (name === 'host') {
      hosts++
      x.host = headers[2 * field + 1] as string
    } else if (name === 'content-length') {
      lengths++
      refuseLength(headers[2 * field + 1] as string)
    } else if (name === 'transfer-encoding') {
      if (coding !== undefined) throw invalid('several Transfer-Encoding fields')
      coding = headers[2 * field + 1]
    } else if (name === 'expect' && (headers[2 * field + 1] as string).toLowerCase() !== '100-continue') {
      throw problems['expectation-unknown']()
    }
  }
  if (bytes > limits.bytes) throw problems['headers-too-large']({ limit: limits.bytes, close: true })
  if (hosts !== 1 || !isHost(x.host)) throw common['host-invalid']({ count: hosts, close: true })
  if (lengths > 1) throw invalid('several Content-Length fields')
  if (coding !== undefined) refuseCoding(coding, lengths, x.version)
  return undefined
}

/** `: ` and CRLF. */
const fieldMarksBytes = 4

/** `010` is ten, as the parser reads it too; lists and signs are not a length. */
function refuseLength(value: string): void {
  if (!/^[0-9]{1,15}$/.test(value)) throw invalid('the Content-Length is not a number')
}

function refuseCoding(coding: string, lengths: number, version: string): void {
  if (lengths > 0) throw invalid('Content-Length beside Transfer-Encoding')
  if (version === '1.0') throw invalid('Transfer-Encoding in HTTP/1.0')
  if (coding.toLowerCase() === 'chunked') return
  const codings = coding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
  const chunked = codings.filter((name) => name === 'chunked').length
  if (chunked > 1 || (chunked === 1 && codings.at(-1) !== 'chunked'))
    throw invalid('chunked is not the one last coding')
  // A coding is never stripped: the service would get other bytes than the client signed or measured.
  throw problems['coding-unknown']({ close: true })
}

function invalid(because: string) {
  return problems['framing-invalid']({ because, close: true })
}

/** A name, an IPv4 address or a bracketed IPv6 one, with or without a port. RFC 9110 section 7.2. */
function isHost(host: string): boolean {
  return /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/.test(host)
}

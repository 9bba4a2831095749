import { errors } from 'undici'
import { Problem } from '#routes/problem.ts'
import { problems } from '../errors.ts'

/** Why a call failed before its answer began, and whether it may be sent again. */
export interface CallFailure {
  readonly problem: Problem
  /** No byte of the request was written: the service cannot have seen it. */
  readonly unsent: boolean
  /** The connection died under it, as one does that the service closed while it was idle. */
  readonly reset: boolean
}

/** `written`: the request was on a connection. A problem of ours (a time-out, a body too large) stays what it is. */
export function failureOf(error: unknown, written: boolean): CallFailure {
  if (error instanceof Problem) return { problem: error, unsent: !written, reset: false }
  const make = isInvalid(error) ? problems['upstream-invalid'] : problemByCode(codeOf(error))
  return { problem: make({ cause: error }), unsent: !written, reset: make === problems['upstream-reset'] }
}

type Make = (facts: { readonly cause: unknown }) => Problem

function problemByCode(code: string): Make {
  if (refused.has(code)) return problems['upstream-refused']
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return problems['connect-timeout']
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return problems['upstream-dns']
  // What we made of the request is none: no service is at fault.
  if (code === 'UND_ERR_INVALID_ARG') return problems['gateway-failed']
  if (tls.test(code) || certificate.has(code)) return problems['upstream-tls']
  return problems['upstream-reset']
}

/** The parser gave up, or met what it never expected: a status below 100, an answer or a change of protocol that nobody asked for. */
function isInvalid(error: unknown): boolean {
  if (error instanceof errors.HTTPParserError) return true
  if (error instanceof errors.SocketError) return error.message === 'bad response' || error.message === 'bad upgrade'
  return invalid.has(codeOf(error))
}

/** `EPROTO`: what answered the handshake speaks no TLS, or none that we take. */
const tls = /^(?:ERR_TLS|ERR_SSL|EPROTO$)/
const refused: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
])
const invalid: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'ERR_ASSERTION',
])
const certificate: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_CHAIN_TOO_LONG',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** An AggregateError of several addresses has the code of the first. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof AggregateError ? codeOf(error.errors[0]) : ''
}

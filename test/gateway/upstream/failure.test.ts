import { errors } from 'undici'
import { describe, expect, it } from 'vitest'
import { problems } from '../../../gateway/errors.ts'
import { failureOf } from '../../../gateway/upstream/failure.ts'

const coded = (code: string) => Object.assign(new Error(code), { code })

describe('a call that failed before its answer', () => {
  it.each([
    ['ECONNREFUSED', 'upstream-refused', 502],
    ['EHOSTUNREACH', 'upstream-refused', 502],
    ['ECONNRESET', 'upstream-reset', 502],
    ['EPIPE', 'upstream-reset', 502],
    ['ENOTFOUND', 'upstream-dns', 502],
    ['EAI_AGAIN', 'upstream-dns', 502],
    ['UND_ERR_CONNECT_TIMEOUT', 'connect-timeout', 504],
    ['ETIMEDOUT', 'connect-timeout', 504],
    ['UND_ERR_HEADERS_OVERFLOW', 'upstream-invalid', 502],
    ['ERR_ASSERTION', 'upstream-invalid', 502],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'upstream-tls', 502],
    ['CERT_HAS_EXPIRED', 'upstream-tls', 502],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'upstream-tls', 502],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'upstream-tls', 502],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'upstream-tls', 502],
    ['EPROTO', 'upstream-tls', 502],
    ['UND_ERR_INVALID_ARG', 'gateway-failed', 500],
  ])('C2: with %s is told as %s', (code, expected, status) => {
    const { problem } = failureOf(coded(code), true)

    expect([problem.code, problem.status]).toEqual([expected, status])
  })

  it('is told by the first of several addresses', () => {
    const all = new AggregateError([coded('ECONNREFUSED'), coded('ETIMEDOUT')])

    expect(failureOf(all, false).problem.code).toBe('upstream-refused')
  })

  it.each(['bad response', 'bad upgrade'])(
    'by an answer that nobody asked for (%s) is no reset, so it is not sent again',
    (text) => {
      expect(failureOf(new errors.SocketError(text), true)).toMatchObject({
        problem: { code: 'upstream-invalid' },
        reset: false,
      })
    },
  )

  it('is unsent only if it was on no connection', () => {
    expect(failureOf(coded('ECONNRESET'), false).unsent).toBe(true)
    expect(failureOf(coded('ECONNRESET'), true)).toMatchObject({ unsent: false, reset: true })
    expect(failureOf(problems['total-timeout'](), true)).toMatchObject({ unsent: false, reset: false })
  })
})

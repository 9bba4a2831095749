/** Whether an origin can be reached past the edge. Pure. */
import { type Judgement, ok, unknown, wrong } from './finding.ts'
import { type Reply, tell } from './reply.ts'

/** Of a request without any signature. */
export function judgeUnsigned(reply: Reply): Judgement {
  if (reply.kind === 'silence') {
    if (wantsCertificate(reply)) return ok('it asks for the certificate of an edge')
    return notOpen.test(reply.because)
      ? ok(`it cannot be reached from here: ${reply.because}`)
      : unknown(`it did not answer: ${reply.because}`, 'Ask again from a machine that reaches the origin.')
  }
  if (reply.kind === 'other') {
    if (reply.code === 'edge-required') return ok('the gateway refuses it: 403 `edge-required`')
    if (wantsCertificate(reply)) return ok('it asks for the certificate of an edge')
  }
  return wrong(
    `a request that no edge signed is taken: ${reply.kind === 'other' ? tell(reply) : 'it was echoed'}`,
    'Set `edgeRequired: true` in gateway.yaml, so that nobody who knows the origin goes past the edge.',
  )
}

export function judgeMutualTls(reply: Reply, protocol: string): Judgement {
  const fix =
    'Let the origin ask for a certificate that only the edge has: Authenticated Origin Pulls on Cloudflare, a keypair of the self-hosted edge. Without it a mark that is read on the way may be repeated for 60 s.'
  if (protocol !== 'https:') return wrong('the origin speaks plain HTTP', fix)
  if (wantsCertificate(reply)) return ok('without a certificate nobody gets in')
  if (reply.kind === 'silence') {
    return notOpen.test(reply.because)
      ? ok(`it cannot be reached from here: ${reply.because}`)
      : unknown(`it did not answer: ${reply.because}`, 'Ask again from a machine that reaches the origin.')
  }
  return wrong(`it answers whoever comes without a certificate (${reply.kind === 'other' ? reply.status : 200})`, fix)
}

const notOpen = /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|did not accept/

/**
 * TLS 1.3 has an alert of its own for it (RFC 8446 section 6.2), nginx answers 400 with words. An older handshake that fails
 * says nothing of why: a cipher would do, too.
 */
function wantsCertificate(reply: Reply): boolean {
  if (reply.kind === 'silence') return /certificate.?required/i.test(reply.because)
  return (
    reply.kind === 'other' && reply.status === 400 && /SSL certificate/i.test(reply.outcome.body.toString('latin1'))
  )
}

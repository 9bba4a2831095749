import { problems as common } from '#routes/errors.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

const allowed = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/**
 * Takes the request line: `OPTIONS *` is answered here, an absolute form is taken apart, an overlong or impossible target
 * is refused. The path itself stays as it came, byte for byte. RFC 9112 section 3.2. An OPTIONS that may go no further is
 * answered here, too. RFC 9110 section 7.6.2.
 */
export function targetPhase(limitBytes: number): Phase {
  return {
    name: 'target',
    before(x: Exchange): Answer | undefined {
      if (x.target.length > limitBytes) throw problems['target-too-long']({ limit: limitBytes })
      if (x.method === 'TRACE') throw problems['method-refused']({ allow: allowed })
      if (x.target === '*' && x.method === 'OPTIONS') return ownOptions()
      if (x.target.charCodeAt(0) !== 0x2f) takeApart(x)
      refuseUnwritten(x.target)
      return x.method === 'OPTIONS' ? forwardsLeft(x) : undefined
    },
  }
}

function ownOptions(): Answer {
  return { status: 204, reason: '', headers: ['allow', allowed], body: undefined }
}

/** What no URL is written with (RFC 3986 section 2). Behind us a `#` may end the path: it is refused, not cut off. */
function refuseUnwritten(target: string): void {
  if (!/[^\x21\x22\x24-\x7e]/.test(target)) return
  throw problems['target-invalid']({ because: target.includes('#') ? 'a fragment' : 'a byte that must be escaped' })
}

function forwardsLeft(x: Exchange): Answer | undefined {
  const said = x.header('max-forwards')
  // Anything but a number says nothing, and goes on as it came.
  if (said === undefined || !/^\d{1,9}$/.test(said)) return undefined
  if (Number(said) === 0) return ownOptions()
  x.maxForwards = Number(said) - 1
  return undefined
}

const absolute = /^https?:\/\/([^/?#@]+)([/?].*)?$/i

/** Clients of a proxy write the whole URL. Its authority is the host, and a Host field that differs is an attempt to be read twice. */
function takeApart(x: Exchange): void {
  const match = absolute.exec(x.target)
  const authority = match?.[1]
  if (authority === undefined) throw problems['target-invalid']({ because: 'neither a path nor a URL' })
  if (authority.toLowerCase() !== x.host.toLowerCase()) throw common['host-invalid']({ count: 2 })
  x.absolute = true
  const rest = match?.[2] ?? '/'
  x.target = rest.startsWith('/') ? rest : `/${rest}`
}

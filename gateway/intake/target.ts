import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

const allowed = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/**
 * Takes the request line: `OPTIONS *` is answered here, an absolute form is taken apart, an overlong or impossible target
 * is refused. The path itself stays as it came, byte for byte. RFC 9112 section 3.2.
 */
export function targetPhase(limitBytes: number): Phase {
  return {
    name: 'target',
    before(x: Exchange): Answer | undefined {
      if (x.target.length > limitBytes) throw problems['target-too-long']({ limit: limitBytes })
      if (x.method === 'TRACE') throw problems['method-refused']({ allow: allowed })
      if (x.target.charCodeAt(0) === 0x2f) return fragmentFree(x)
      if (x.target === '*' && x.method === 'OPTIONS') {
        return { status: 204, reason: '', headers: ['allow', allowed], body: undefined }
      }
      takeApart(x)
      return fragmentFree(x)
    },
  }
}

/** Behind us a `#` may end the path: it is refused, not cut off. */
function fragmentFree(x: Exchange): undefined {
  if (x.target.includes('#')) throw problems['target-invalid']({ because: 'a fragment' })
  return undefined
}

const absolute = /^https?:\/\/([^/?#@]+)([/?].*)?$/i

/** Clients of a proxy write the whole URL. Its authority is the host, and a Host field that differs is an attempt to be read twice. */
function takeApart(x: Exchange): void {
  const match = absolute.exec(x.target)
  const authority = match?.[1]
  if (authority === undefined) throw problems['target-invalid']({ because: 'neither a path nor a URL' })
  if (authority.toLowerCase() !== x.host.toLowerCase()) throw problems['host-invalid']({ count: 2 })
  const rest = match?.[2] ?? '/'
  x.target = rest.startsWith('/') ? rest : `/${rest}`
}

import assert from 'node:assert'
import { Buffer } from 'node:buffer'
import type { OpenExtension } from '../extension.ts'

/**
 * An example: asks clients below a path for a header, and tells those without it to update. In gateway.yaml:
 *
 *     extensions:
 *       - name: client-version
 *         module: ./require-client-version.ts
 *         options: { below: /v2/, header: x-app-version }
 */
const requireClientVersion: OpenExtension = (options) => {
  const { below, header } = (options ?? {}) as { below?: unknown; header?: unknown }
  assert(typeof below === 'string' && typeof header === 'string', 'options must be { below: /path/, header: name }')
  const name = header.toLowerCase()
  const body = Buffer.from('{"update":"required"}')
  return {
    name: 'require-client-version',
    place: 'access',
    before(x) {
      if (!x.target.startsWith(below) || x.header(name) !== undefined) return undefined
      const headers = ['content-type', 'application/json', 'content-length', String(body.length)]
      return { status: 426, reason: '', headers, body }
    },
  }
}

export default requireClientVersion

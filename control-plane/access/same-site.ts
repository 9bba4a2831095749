/** Guards of what a browser sends by itself: a session's cookie must be worth nothing to any other page or name. */

export type SameSiteFault = 'host-foreign' | 'origin-foreign'

export interface BrowserRequest {
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
}

/**
 * What speaks against a request that a cookie authenticates. The host must be one of ours, else a foreign name that
 * resolves to this machine could read answers (DNS rebinding); a change must come from a page of ours, which browsers
 * tell by Origin (RFC 6454 section 7).
 */
export function sameSiteFault(request: BrowserRequest, ownHosts: ReadonlySet<string>): SameSiteFault | undefined {
  const { method, host, origin } = request
  if (host === undefined || !ownHosts.has(host.toLowerCase())) return 'host-foreign'
  const reads = method === 'GET' || method === 'HEAD'
  if (origin === undefined) return reads ? undefined : 'origin-foreign'
  return ownHosts.has(hostOfOrigin(origin)) ? undefined : 'origin-foreign'
}

/** Names under which this listener is reached: that of `publicUrl`, and on loopback both usual ones. */
export function ownHosts(publicUrl: string, boundPort: number): ReadonlySet<string> {
  const { host } = new URL(publicUrl)
  return new Set([host.toLowerCase(), `127.0.0.1:${boundPort}`, `localhost:${boundPort}`, `[::1]:${boundPort}`])
}

function hostOfOrigin(origin: string): string {
  return /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase())?.[1] ?? ''
}

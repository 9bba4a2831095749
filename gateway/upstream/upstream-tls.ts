import { readFileSync } from 'node:fs'
import type { DeploymentFacts } from '#routes/structure.ts'
import { problems } from '../errors.ts'

/** PEM texts by the names of gateway.yaml. */
export type Certificates = Readonly<
  Record<string, { readonly ca?: string; readonly cert?: string; readonly key?: string }>
>

type Named = Readonly<Record<string, { readonly ca?: string; readonly cert?: string; readonly key?: string }>>

/** Reads the files that `upstreams.certificates` names. Throws `key-file-invalid`. */
export function readCertificates(named: Named, path: (relative: string) => string): Certificates {
  const text = (relative: string | undefined): string | undefined => {
    if (relative === undefined) return undefined
    try {
      return readFileSync(path(relative), 'utf8')
    } catch (cause) {
      throw problems['key-file-invalid']({ path: relative, because: 'it cannot be read', purpose: 'upstreams', cause })
    }
  }
  return Object.fromEntries(
    Object.entries(named).map(([name, { ca, cert, key }]) => {
      const texts = { ca: text(ca), cert: text(cert), key: text(key) }
      return [name, Object.fromEntries(Object.entries(texts).filter(([, pem]) => pem !== undefined))]
    }),
  )
}

/** What a TLS connection to a deployment asks for, in the words of node:tls. */
export interface TlsOptions {
  readonly servername?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized: boolean
  readonly minVersion: 'TLSv1.2'
}

/**
 * Verified against the well-known authorities or the deployment's own, for the name of its URL or its `sni`. Throws
 * `upstream-tls` where the catalog uses a name of a certificate that this gateway does not have: what was meant to be
 * shown or believed is never left out.
 */
export function tlsOptions({ url, tls = {} }: DeploymentFacts, certificates: Certificates): TlsOptions {
  const of = (name: string) => {
    const found = certificates[name]
    if (found === undefined) throw problems['upstream-tls']({ certificate: name, because: 'not in gateway.yaml' })
    return found
  }
  const { ca } = tls.ca === undefined ? {} : of(tls.ca)
  const { cert, key } = tls.certificate === undefined ? {} : of(tls.certificate)
  const { hostname } = new URL(url)
  const servername = tls.sni ?? (isName(hostname) ? hostname : undefined)
  return {
    ...(servername === undefined ? {} : { servername }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    rejectUnauthorized: tls.insecure !== true,
    minVersion: 'TLSv1.2',
  }
}

/** An address is no name: SNI must not carry one. RFC 6066 section 3. */
function isName(hostname: string): boolean {
  return !hostname.startsWith('[') && !/^\d+(\.\d+){3}$/.test(hostname)
}

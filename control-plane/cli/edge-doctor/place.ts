import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { rootCertificates } from 'node:tls'
import { problems } from '../errors.ts'
import type { Place } from './connection.ts'

/** Where the edge of a host is asked: at `https://HOST`, or where `url` says. Throws `usage-wrong`. */
export function placeOf(
  {
    url,
    host,
    ca,
  }: { readonly url?: string | undefined; readonly host?: string | undefined; readonly ca?: string | undefined },
  folder: string,
): Place {
  if (host !== undefined && !/^[A-Za-z0-9.-]{1,253}(:\d{1,5})?$/.test(host)) {
    throw problems['usage-wrong']({
      reason: `--host ${host} is no host name`,
      usage: 'As clients write it: --host api.example.com',
    })
  }
  const at = urlOf(url ?? `https://${host}`)
  return { url: at, host: host ?? at.host, ca: ca === undefined ? undefined : authorities(resolve(folder, ca)) }
}

/** Throws `usage-wrong` for what is not the URL of a server. */
export function urlOf(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '') return url
  throw problems['usage-wrong']({
    reason: `${text} is not the URL of a server`,
    usage: 'As https://203.0.113.7:8443, without a path',
  })
}

/** Beside those that are known, not in their place. */
function authorities(file: string): string {
  try {
    return [...rootCertificates, readFileSync(file, 'utf8')].join('\n')
  } catch (cause) {
    throw problems['usage-wrong']({
      reason: `--ca ${file} cannot be read`,
      usage: 'Name a file of PEM certificates',
      cause,
    })
  }
}

import { compareTexts } from './pattern.ts'
import type { PatternFault } from './pattern-fault.ts'

export type HostPattern =
  | { readonly kind: 'exact'; readonly name: string }
  /** `*.example.com`: one or more labels before `.example.com`, never `example.com` itself. */
  | { readonly kind: 'wildcard'; readonly below: string }

export type ParsedHost =
  | { readonly ok: true; readonly host: HostPattern }
  | { readonly ok: false; readonly fault: PatternFault }

const mostHostCharacters = 253
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** Reads a host as the catalog writes it: exact or `*.example.com`, lower case, no port, no trailing dot. */
export function parseHost(text: string): ParsedHost {
  const canonical = canonicalHost(text)
  if (text === '' || text === '*') return fault(0, 'A host is a name.', 'Leave the host out to match any host.')
  if (canonical !== text) {
    return fault(0, 'A host has lower-case letters, no port and no trailing dot.', `Write "${canonical}".`)
  }
  if (text.length > mostHostCharacters) {
    return fault(mostHostCharacters, 'The host is longer than 253 characters.', 'Shorten it.')
  }
  const wildcard = text.startsWith('*.')
  const name = wildcard ? text.slice(2) : text
  let at = text.length - name.length
  for (const part of name.split('.')) {
    if (!label.test(part)) {
      return part.includes('*')
        ? fault(at, '"*" stands for whole labels at the front of a host.', 'Write "*.example.com".')
        : fault(
            at,
            `"${part}" is not a label of a host name.`,
            'Use letters, digits and "-"; other scripts as "xn--...".',
          )
    }
    at += part.length + 1
  }
  return { ok: true, host: wildcard ? { kind: 'wildcard', below: name } : { kind: 'exact', name } }
}

/** A request's host as it is matched: lower case (ASCII), without port and trailing dot. Total. */
export function canonicalHost(raw: string): string {
  const colon = raw.lastIndexOf(':')
  // `[::1]` has colons that begin no port.
  const withoutPort = colon >= 0 && colon > raw.lastIndexOf(']') ? raw.slice(0, colon) : raw
  const name = withoutPort.endsWith('.') ? withoutPort.slice(0, -1) : withoutPort
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : name
}

/** The order in which hosts are tried: exact, then the longest wildcard, then any (`undefined`); equal only if the same. */
export function compareHosts(a: string | undefined, b: string | undefined): number {
  return rank(a) - rank(b) || (b?.length ?? 0) - (a?.length ?? 0) || compareTexts(a ?? '', b ?? '')
}

function rank(host: string | undefined): number {
  return host === undefined ? 2 : host.startsWith('*.') ? 1 : 0
}

function fault(at: number, meaning: string, fix: string): ParsedHost {
  return { ok: false, fault: { at, meaning, fix } }
}

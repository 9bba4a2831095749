import type { Caller } from '#routes/messages.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { IdentityConfig } from './auth-config.ts'
import type { IdentitySigner } from './identity-signer.ts'

/** Tells a service who calls: by the gateway's word alone. */
export interface Identity {
  /** Lower-case names that a client's request may never bring to a service. */
  readonly names: readonly string[]
  write(x: Exchange, into: HeaderPairs): void
}

export function openIdentity(yaml: IdentityConfig, signer: IdentitySigner | undefined): Identity {
  if (signer !== undefined) {
    const { header } = yaml
    return {
      // The plain names, too: a service that still reads those must not believe a client.
      names: [header, ...plainNames(yaml)],
      write(x, into) {
        const service = x.decision?.route?.service
        if (x.caller !== undefined && service !== undefined) into.push(header, signer.sign(x.caller, service))
      },
    }
  }
  const claims = Object.entries(yaml.claims)
  return {
    names: plainNames(yaml),
    write(x, into) {
      if (x.caller !== undefined) plain(x.caller, yaml, claims, into)
    },
  }
}

function plain(
  caller: Caller,
  { consumer, scopes }: IdentityConfig,
  claims: readonly (readonly [string, string])[],
  into: HeaderPairs,
): void {
  into.push(consumer, caller.consumer)
  if (scopes !== undefined) into.push(scopes, caller.scopes.join(' ').replace(/[^\x20-\x7e]/g, ''))
  for (const [claim, header] of claims) {
    const value = caller.claims?.[claim]
    if (value !== undefined) into.push(header, value)
  }
}

function plainNames({ consumer, scopes, claims }: IdentityConfig): string[] {
  return [consumer, ...(scopes === undefined ? [] : [scopes]), ...Object.values(claims)]
}

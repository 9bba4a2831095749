import { createPrivateKey, X509Certificate } from 'node:crypto'

/** Where a gateway is, and how the two show each other who they are; keys and certificates as PEM texts. */
export interface SitePlace {
  readonly url: string
  readonly ca?: string
  readonly certificate?: string
  readonly key?: string
  readonly certificateHost?: string
}

/** As it is written in `edge.yaml`: an URL, or with the names of PEM files. */
export type GivenPlace =
  | string
  | {
      readonly url: string
      readonly ca?: string
      readonly certificate?: string
      readonly key?: string
      readonly certificateHost?: string
    }

/**
 * A site with the texts of its files, or in one sentence what is wrong with it. workerd takes an authority that it cannot read
 * without a word, and then believes nobody: it is found here.
 */
export function placeOf(given: GivenPlace, read: (path: string) => string): SitePlace | { readonly fault: string } {
  if (typeof given === 'string') return { url: given }
  const { url, certificateHost } = given
  if ((given.certificate === undefined) !== (given.key === undefined))
    return { fault: 'certificate and key come together' }
  if (url.startsWith('http:') && Object.keys(given).length > 1)
    return { fault: 'ca, certificate, key and certificateHost are for https' }
  const [ca, certificate, key] = [given.ca, given.certificate, given.key].map((path) => path && read(path))
  if (ca !== undefined && !certificatesIn(ca)) return { fault: `${given.ca} holds no PEM certificate` }
  if (certificate !== undefined && !certificatesIn(certificate))
    return { fault: `${given.certificate} holds no PEM certificate` }
  if (certificate !== undefined && key !== undefined && !isPair(certificate, key))
    return { fault: `${given.key} is not the key of ${given.certificate}, without a passphrase` }
  return {
    url,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...(certificateHost === undefined ? {} : { certificateHost }),
  }
}

export const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

function certificatesIn(text: string): boolean {
  const found = text.match(certificatePattern) ?? []
  return found.length > 0 && found.every((one) => certificateOf(one) !== undefined)
}

function isPair(certificate: string, key: string): boolean {
  try {
    return certificateOf(certificate)?.checkPrivateKey(createPrivateKey(key)) === true
  } catch {
    // Not its own words: they may quote the key.
    return false
  }
}

function certificateOf(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text)
  } catch {
    // What it would say of a text that is no certificate helps nobody.
    return undefined
  }
}

import { listOf, objectOf, type Reader, wordOf } from './object-of.ts'
import { text } from './shape.ts'
import type { HostFacts, SiteFacts } from './structure.ts'

/** Readers of what every program knows as a whole: undefined for what the encoder would not have written. */

export const decodeSite: Reader<SiteFacts> = objectOf<SiteFacts>(
  { name: text, provider: text, country: text, region: text, origin: text },
  {},
)

export const decodeHost: Reader<HostFacts> = objectOf<HostFacts>(
  { name: text, aliases: listOf(text), unsafeTargets: wordOf('reject', 'observe') },
  { defaultSite: text, stickyCookie: (value) => (value === true ? value : undefined) },
)

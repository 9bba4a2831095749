/** Texts that configuration files of several programs take: as options of a TypeBox string, each with its own words. */

/** `example`: an address as this program would be given one. */
export const listenText = (example: string) =>
  ({
    pattern: '^(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$',
    patternErrorMessage: `expected an address and a port, such as ${example}; port 0 takes a free one`,
  }) as const

/** Host and port alone: what is asked there is ours to say. */
export const urlText = {
  pattern: '^https?://[^\\s/?#]+/?$',
  patternErrorMessage: 'expected an http or https URL of host and port',
} as const

export const sha256Text = {
  pattern: '^[0-9a-f]{64}$',
  patternErrorMessage: 'expected the SHA-256 of the token, 64 hex digits',
} as const

/** A key in base64, as bytes of one character each; undefined: it is not base64 as memcached writes it. */
export function decodeKey(base64: string): string | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) return undefined
  return base64 === '' ? undefined : Buffer.from(base64, 'base64').toString('latin1')
}

export const encodeKey = (wire: string): string => Buffer.from(wire, 'latin1').toString('base64')

import { createHash } from 'node:crypto'

const longest = 32

/**
 * Where the gateways keep the answers of a service, by their own rule: `http-orders`; a long name is cut, and told apart by its
 * hash.
 */
export function answersOf(service: string): string {
  const whole = `http-${service}`
  if (whole.length <= longest) return whole
  const mark = createHash('sha256').update(whole).digest('hex').slice(0, 8)
  return `${whole.slice(0, longest - mark.length)}${mark}`
}

import type { ExplainBody } from '../../api-client/schema.ts'
import { problems } from '../errors.ts'
import { facts, json } from '../print.ts'
import type { Session } from '../session.ts'

/**
 * `tidegate explain GET https://api.example.com/v1/orders/7 -H 'x-device-id: 42'`; with `--site` by the table that a gateway
 * of that site runs now.
 */
export async function explain(
  { client, out, format }: Session,
  [method = '', url = '']: readonly string[],
  { header = [], country, site: at }: { header?: readonly string[]; country?: string; site?: string },
): Promise<void> {
  checkRequest(method, url)
  const from = country === undefined ? {} : { country: country.toUpperCase() }
  const body: ExplainBody = { method: method.toUpperCase(), url, headers: headersOf(header), ...from }
  if (at !== undefined) return out(json(await client.askGateway(at, 'explain', body)))
  const answer = await client.explain(body)
  if (format === 'json') return out(json(answer))
  const { site, because, route, service, unit, effect, epoch, bucket, key, table } = answer
  const numbers = `structure ${table.structure}, placements ${table.placements}`
  out(facts({ site, because, route, service, unit, effect, epoch, bucket, key, table: numbers }))
  out('')
  for (const sentence of answer.sentences) out(sentence)
}

/** What could never be a request is refused here: read as a path, `localhost/x` would be explained as `/localhost/x`. */
function checkRequest(method: string, url: string): void {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(method)) {
    throw problems['usage-wrong']({ reason: `"${method}" is not a method`, usage: 'Name one: GET, POST, DELETE, ...' })
  }
  if (!/^(https?:\/\/[^/?#]|\/|\*$)/i.test(url)) {
    throw problems['usage-wrong']({
      reason: `"${url}" is neither a URL nor a path`,
      usage: 'Begin with http://, https:// or /: tidegate explain GET http://api.example.com/v1/orders',
    })
  }
}

/** As curl takes them; a name that comes twice is joined, as on the wire. */
export function headersOf(lines: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? []
    if (name === '') {
      throw problems['usage-wrong']({ reason: `"${line}" is not a header`, usage: "Write it as -H 'name: value'." })
    }
    const key = name.toLowerCase()
    const before = headers.get(key)
    headers.set(key, before === undefined ? value : `${before}, ${value}`)
  }
  return Object.fromEntries(headers)
}

import { host } from './big-table.ts'

/** What an app on a phone sends with each request: 13 fields with the host, about 560 bytes. */
export const mobileHeaders: Readonly<Record<string, string>> = {
  host,
  'user-agent': 'ExampleShop/7.42.1 (iPhone15,3; iOS 19.1; Scale/3.00)',
  accept: 'application/json',
  'accept-language': 'de-DE,de;q=0.9,en;q=0.8',
  'accept-encoding': 'gzip, deflate, br',
  authorization: 'Bearer 0d8c3b6f5a9e4c27b1d4f6a8093e5c7d2b4a6f8e1c3d5b7a',
  'x-device-id': 'device-17',
  'x-app-version': '7.42.1',
  'x-platform': 'ios',
  'x-session': '9f2c1e7a4b6d8035',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'cache-control': 'no-cache',
  cookie: 'consent=analytics:0,ads:0; theme=dark; ab=checkout-b',
}

/** The bytes of a GET with those headers. */
export function mobileGet(target: string): Buffer {
  const fields = Object.entries(mobileHeaders).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`GET ${target} HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1')
}

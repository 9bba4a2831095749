import { expect, it } from 'vitest'
import { isFrontHeader } from '#routes/front-headers.ts'

it.each([
  'Connection',
  'transfer-encoding',
  'Content-Length',
  'HOST',
  'X-Forwarded-For',
  'X_Forwarded_Host',
  'x-tidegate-consumer',
  'X.Tidegate.Consumer',
  'traceparent',
])("%s is no route's to write", (name) => expect(isFrontHeader(name)).toBe(true))

it.each(['X-Order', 'cache-control', 'Server-Timing', 'x-forwarded', 'authorization', 'x-tidegat'])('%s is', (name) =>
  expect(isFrontHeader(name)).toBe(false),
)

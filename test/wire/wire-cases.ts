import { aborts } from './cases/aborts.ts'
import { bodies } from './cases/bodies.ts'
import { conditions } from './cases/conditions.ts'
import { connections } from './cases/connections.ts'
import { cookies } from './cases/cookies.ts'
import { encodings } from './cases/encodings.ts'
import { events } from './cases/events.ts'
import { expectations } from './cases/expectations.ts'
import { framings } from './cases/framings.ts'
import { headers } from './cases/headers.ts'
import { methods } from './cases/methods.ts'
import { slowness } from './cases/slowness.ts'
import { statuses } from './cases/statuses.ts'
import { streams } from './cases/streams.ts'
import { targets } from './cases/targets.ts'
import { websockets } from './cases/websockets.ts'
import type { WireCase } from './wire-case.ts'

/** Every case, by theme. */
export const themes: Readonly<Record<string, readonly WireCase[]>> = {
  methods,
  targets,
  headers,
  cookies,
  bodies,
  framings,
  encodings,
  conditions,
  statuses,
  expectations,
  connections,
  aborts,
  slowness,
  events,
  streams,
  websockets,
}

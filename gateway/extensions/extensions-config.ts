import Type from 'typebox'
import { closed, flag, name, wait } from '../config-parts.ts'

/** Phases of others: `extensions` of gateway.yaml. */
export const extensions = Type.Array(
  Type.Object(
    {
      name: Type.String({ ...name, description: 'Its name in logs, metrics and the switch.' }),
      module: Type.String({
        minLength: 1,
        maxLength: 4096,
        description: 'File whose default export opens it, relative to this file.',
      }),
      options: Type.Optional(Type.Unknown({ description: 'Whatever it takes: see its own documentation.' })),
      budget: wait('5ms', 'What one call may take. A wait beyond it has failed; a computation beyond it is counted.'),
      whenFailed: Type.Enum(['refuse', 'skip'], {
        default: 'refuse',
        description: 'A failed call answers 500, or the request goes on without it.',
      }),
      enabled: flag(true, 'False: it is loaded and not called, until the switch says otherwise.'),
    },
    closed,
  ),
  { default: [], maxItems: 50, description: 'Phases of your own, in this order at each place.' },
)

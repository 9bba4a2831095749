import Type from 'typebox'
import { file, group, name, wait } from '../config-parts.ts'

/** Who may come, and where that is looked up: `tokens` of gateway.yaml. */
export const tokens = group(
  {
    driver: Type.Enum(['redis', 'memory', 'none'], {
      default: 'none',
      description: 'Where bearer tokens are looked up.',
    }),
    url: Type.Optional(
      Type.String({
        pattern: '^rediss?://',
        patternErrorMessage: 'expected redis://host:port',
        description: 'Redis of this site.',
      }),
    ),
    key: Type.String({
      pattern: '\\{token\\}',
      patternErrorMessage: 'expected a template with {token}',
      default: 'token:{token}',
      description: 'Key of a token; {token} is the token or its hash.',
    }),
    hash: Type.Enum(['sha256', 'none'], {
      default: 'sha256',
      description: 'How {token} is written: hex SHA-256 of the token, or the token itself.',
    }),
    file: file('Tokens of the memory driver: a JSON list of { sha256, consumer, scopes }, read again when it changes.'),
    alsoAsk: Type.Array(Type.String(name), {
      default: [],
      maxItems: 64,
      description: 'Sites that are asked once for a token that is unknown here.',
    }),
    whenAway: Type.Enum(['refuse'], {
      default: 'refuse',
      description: 'When the token store does not answer: refuse with 503.',
    }),
    deadline: wait('250ms', 'How long a look-up may take.'),
    peerDeadline: wait('100ms', 'How long another site may take to answer.'),
  },
  'Bearer tokens.',
)

import Type, { type TProperties } from 'typebox'
import { durationText, sizeText } from './quantity.ts'
import {
  closed,
  headerText,
  headerValueText,
  methodText,
  on,
  parameterText,
  pathText,
  plainText,
  sentHeaderText,
} from './schema-texts.ts'

/** What is changed, answered or checked between a client and a service. */

const origin = Type.String({
  pattern: '^(\\*|https?://(\\*\\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[1-9][0-9]{0,4})?)$',
  patternErrorMessage: 'expected an origin such as https://app.example.com or https://*.example.com, or "*"',
})

export const cors = Type.Object(
  {
    origins: Type.Array(origin, {
      minItems: 1,
      maxItems: 100,
      description: 'Origins whose pages may read answers: exact, all below a name, or "*" alone.',
    }),
    methods: Type.Optional(
      Type.Array(Type.String(methodText), {
        minItems: 1,
        maxItems: 30,
        description: 'Methods that they may use; absent = those of the route.',
      }),
    ),
    headers: Type.Optional(
      Type.Array(Type.String(headerText), { maxItems: 50, description: 'Request headers that they may send.' }),
    ),
    exposes: Type.Optional(
      Type.Array(Type.String(headerText), { maxItems: 50, description: 'Headers of answers that they may read.' }),
    ),
    credentials: on('They may send cookies and tokens; never with the origin "*".'),
    maxAge: Type.Optional(
      Type.String({ ...durationText, description: 'How long a browser need not ask again; absent = as it likes.' }),
    ),
  },
  { ...closed, description: 'Which web pages of other origins may call the route; absent = the service answers that.' },
)

const mediaType = Type.String({
  pattern: '^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/(\\*|[a-z0-9][a-z0-9!#$&^_.+-]{0,63})$',
  patternErrorMessage: 'expected a media type in lower case, such as application/json or text/*',
})

const compressible = [
  'application/javascript',
  'application/json',
  'application/problem+json',
  'application/xml',
  'image/svg+xml',
  'text/*',
]

export const compress = Type.Object(
  {
    codings: Type.Array(Type.Enum(['br', 'gzip', 'zstd']), {
      minItems: 1,
      maxItems: 3,
      default: ['br', 'gzip'],
      description: 'Codings that are offered, the best first.',
    }),
    types: Type.Array(mediaType, {
      minItems: 1,
      maxItems: 50,
      default: compressible,
      description: 'Media types that are compressed; text/* is a whole kind.',
    }),
    minSize: Type.String({ ...sizeText, default: '1KiB', description: 'Smaller answers stay as they are.' }),
  },
  {
    ...closed,
    description:
      'Compresses answers for clients that ask for it; {} takes the defaults, absent = as the service sends.',
  },
)

const edits = (description: string) => {
  const values = (what: string) =>
    Type.Optional(
      Type.Record(Type.String({ pattern: sentHeaderText.pattern }), Type.String(headerValueText), {
        ...closed,
        maxProperties: 50,
        patternErrorMessage: sentHeaderText.patternErrorMessage,
        description: what,
      }),
    )
  return Type.Optional(
    Type.Object(
      {
        set: values('Headers in place of any of that name; values may hold {parameter}, {claim.name}, {request.id}.'),
        add: values('Headers beside those of that name.'),
        remove: Type.Optional(
          Type.Array(Type.String(sentHeaderText), { maxItems: 50, description: 'Headers that are taken out.' }),
        ),
      },
      { ...closed, description },
    ),
  )
}

export const rewrite = Type.Object(
  {
    request: edits('Headers on their way to the service.'),
    response: edits('Headers on their way to the client.'),
    stripPrefix: Type.Optional(
      Type.String({ ...pathText, description: "Taken from the front of the path; a part of the pattern's own text." }),
    ),
    addPrefix: Type.Optional(Type.String({ ...pathText, description: 'Put before the path.' })),
    path: Type.Optional(
      Type.String({ ...pathText, description: 'The whole path anew, with {parameter} and {rest} of the tail.' }),
    ),
    query: Type.Optional(
      Type.Object(
        {
          set: Type.Optional(
            Type.Record(Type.String({ pattern: parameterText.pattern }), Type.String({ maxLength: 500 }), {
              ...closed,
              maxProperties: 50,
              patternErrorMessage: parameterText.patternErrorMessage,
              description: 'Parameters in place of any of that name.',
            }),
          ),
          remove: Type.Optional(
            Type.Array(Type.String(parameterText), { maxItems: 50, description: 'Parameters that are taken out.' }),
          ),
        },
        { ...closed, description: 'Edits of the query; the rest of it stays byte for byte.' },
      ),
    ),
  },
  { ...closed, description: 'What is changed on the way; absent = nothing.' },
)

const oneOfThese = <Cases extends TProperties>(cases: Cases, description: string) =>
  Type.Object(cases, { ...closed, minProperties: 1, maxProperties: 1, description })

export const answer = oneOfThese(
  {
    redirect: Type.Optional(
      Type.Object(
        {
          to: Type.String({
            pattern: '^(https?://|/)[\\x21-\\x7e]{0,2000}$',
            patternErrorMessage: 'expected an http or https URL, or a path, without spaces',
            description: 'URL or path, with {parameter} and {rest} of the tail.',
          }),
          status: Type.Enum([301, 302, 303, 307, 308], {
            default: 307,
            description: 'Kind of redirect; browsers keep 301 and 308 for good.',
          }),
          keepQuery: on("Hands on the request's query."),
        },
        { ...closed, description: 'Sends the client elsewhere.' },
      ),
    ),
    respond: Type.Optional(
      Type.Object(
        {
          status: Type.Integer({ minimum: 200, maximum: 599, default: 200, description: 'Status of the answer.' }),
          headers: Type.Optional(
            Type.Record(Type.String({ pattern: sentHeaderText.pattern }), Type.String(headerValueText), {
              ...closed,
              maxProperties: 50,
              patternErrorMessage: sentHeaderText.patternErrorMessage,
              description: 'Headers of the answer.',
            }),
          ),
          body: Type.Optional(Type.String({ description: 'Text of the answer, at most 16 KiB.' })),
          contentType: Type.Optional(Type.String({ ...headerValueText, description: 'Its Content-Type.' })),
        },
        { ...closed, description: 'Gives a fixed answer.' },
      ),
    ),
    maintenance: Type.Optional(
      Type.Object(
        {
          retryAfter: Type.String({ ...durationText, default: '5m', description: 'When a client may ask again.' }),
          message: Type.Optional(plainText('What people read.')),
        },
        { ...closed, description: 'Answers 503 with Retry-After, as JSON or as a page.' },
      ),
    ),
  },
  'The gateway answers by itself, in one of these ways; no service is asked.',
)

const parameters = (description: string) =>
  Type.Optional(
    Type.Record(
      Type.String({ pattern: parameterText.pattern }),
      Type.Object(
        {
          schema: Type.Unknown({ description: 'JSON Schema of the value.' }),
          required: on('Refuse a request without it.'),
        },
        closed,
      ),
      { ...closed, maxProperties: 100, patternErrorMessage: parameterText.patternErrorMessage, description },
    ),
  )

export const validate = Type.Object(
  {
    openapi: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 500,
        description: 'Path in the catalog of an OpenAPI 3.0 or 3.1 document (*.openapi.yaml, .json) that says it all.',
      }),
    ),
    operation: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'Its operation, by operationId; absent = the one at the path of the route for its method.',
      }),
    ),
    body: Type.Optional(Type.Unknown({ description: 'JSON Schema (2020-12) of the JSON body; absent = any body.' })),
    bodyRequired: on('Refuse a request without a body.'),
    query: parameters('Query parameters, by name.'),
    path: parameters('Parameters of the path, by name.'),
    headers: parameters('Request headers, by name in lower case.'),
    mode: Type.Optional(
      Type.Literal('observe', { description: 'Count what does not fit and let it pass; absent = refuse it with 400.' }),
    ),
  },
  { ...closed, minProperties: 1, description: 'What a request must be; absent = the service judges.' },
)

import { defineProblems } from '#routes/problem.ts'

/** What keeps a self-hosted edge from starting, or from taking a new configuration. */
export const problems = defineProblems({
  'edge-admin-refused': {
    status: 401,
    meaning: 'The call to the admin listener carries no known token: {because}.',
    fix: 'Send one as a bearer token whose SHA-256 stands under admin.tokens of the configuration.',
  },
  'edge-admin-scope-missing': {
    status: 403,
    meaning: 'The token may not ask the admin listener for {scope}.',
    fix: 'Give it that scope under admin.tokens of the configuration.',
  },
  'edge-config-invalid': {
    status: 500,
    meaning: 'The edge configuration {file} cannot be used: {reason}.',
    fix: 'Mend what is named, and start again; what ran before keeps running.',
  },
  'edge-config-needs-restart': {
    status: 409,
    meaning: 'The configuration changes {keys}, which a running edge cannot change.',
    fix: 'Take that back, or restart the edge. Until then all of the file waits.',
  },
  'edge-launch-refused': {
    status: 500,
    meaning: 'No workerd process starts with the new configuration.',
    fix: 'Its own words stand in the log lines before this one; what ran before keeps running.',
  },
  'workerd-not-ready': {
    status: 500,
    meaning: 'A workerd process was not ready within {limitMs} ms: {reason}.',
    fix: 'Its own words stand in the log lines before this one.',
  },
})

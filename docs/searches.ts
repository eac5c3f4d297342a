/** Search words by locale of the search index, and the page that must be among the first results. */
export const searches: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  root: {
    groupSend: '/reference/api/tideway/layer',
    presence: '/guides/presence',
    'online users': '/glossary',
    'typing indicator': '/glossary',
    'graceful shutdown': '/glossary',
    drain: '/glossary',
    'back-pressure': '/glossary',
    'fan-out': '/glossary',
    'rate limit': '/guides/security',
    'dependency injection': '/glossary',
    'health check': '/glossary',
    'hot reload': '/glossary',
    reconnect: '/reference/api/@tideway/client',
    nginx: '/guides/deployment',
    ERR_NOT_A_FILE: '/reference/errors',
  },
  ko: {
    그룹: '/ko/tutorial/2-groups',
    로그인: '/ko/tutorial/4-users',
    테스트: '/ko/tutorial/3-tests',
    groupSend: '/ko/tutorial/2-groups',
    '정상 종료': '/ko/glossary',
    재연결: '/ko/glossary',
    presence: '/ko/guides/presence',
  },
}

/**
 * Every `code` that a {@link TidewayError} can carry, with the situation that it stands for.
 * `docs/reference/errors.md` lists exactly these; a test holds the two equal.
 */
export const errorCodes = {
  ERR_NO_ROUTE: 'No route of a urlRouter matches the path of the connection.',
  ERR_NO_APPLICATION: 'A router has no application for the scope type or the channel name.',
  ERR_BAD_ROUTE: 'A route cannot be built: a malformed pattern, or one that an earlier route makes unreachable.',
  ERR_BAD_NAME: 'A channel or group name does not follow the rules of the channel layer specification.',
  ERR_BAD_MESSAGE: 'A message holds a value that no channel layer can carry to another process unchanged.',
  ERR_BAD_OPTION: 'An option has a value outside its range.',
  ERR_MESSAGE_TOO_LARGE: 'A message is larger than the limit of the channel layer.',
  ERR_CHANNEL_FULL: 'The queue of the channel is at its capacity.',
  ERR_CHANNEL_TAKEN: 'A channel that has a receiver already was attached or received from again.',
  ERR_LAYER_CLOSED: 'The channel layer was closed and takes no more calls.',
  ERR_LAYER_UNAVAILABLE: 'The engine behind the channel layer cannot be reached.',
  ERR_NO_CHANNEL_LAYER: 'A consumer asked for a channel layer that the application does not define.',
  ERR_OUT_OF_TURN: 'The application sent an event that the state of the connection does not allow.',
  ERR_BAD_EVENT: 'The application sent an event that is malformed or unknown.',
  ERR_CONNECTION_CLOSED: 'The application sent on a connection that has ended.',
  ERR_SLOW_CONSUMER: 'A connection that does not read fast enough was closed or a message for it was dropped.',
  ERR_ADDRESS_TAKEN: 'A Unix socket to listen on is in use, or something else has its name.',
  ERR_STARTUP_FAILED: 'The application said at its start-up that it cannot run.',
  ERR_APPLICATION_TIMEOUT: 'The application did not answer, or did not end, within its time limit.',
  ERR_APPLICATION_RETURNED: 'The application returned without answering the request or handshake.',
  ERR_NODE_LISTENER: 'A nodeListener application was called without the request and response of a Node server.',
  ERR_MISSING_SCOPE: 'A middleware needs something in the scope that an outer middleware should have put there.',
  ERR_SERVICE_UNAVAILABLE: 'Something that the answer depends on, such as the session store, does not answer.',
  ERR_SESSION_GONE: 'A session was to be saved that has been destroyed elsewhere in the meantime.',
  ERR_SESSION_TOO_LARGE: 'The data of a session is larger than its store, or a cookie, can hold.',
  ERR_BAD_SESSION_DATA: 'A value was put into a session that JSON cannot hold, or under a name that is reserved.',
  ERR_BAD_COOKIE: 'A cookie to be set has a name, a value or an attribute that RFC 6265 does not allow.',
  ERR_INVALID_TOKEN: 'A token or ticket is forged, expired, used up or meant for somebody else.',
  ERR_READ_ONLY_SESSION: 'A session was to be saved that is only read here.',
  ERR_NO_USER: 'login was called without a user, or with one that is not authenticated.',
  ERR_RATE_LIMIT: 'A user or an address has connected too often.',
  ERR_TEST_TIMEOUT: 'A test communicator waited for an output that did not come in time.',
  ERR_TEST_EXPECTATION: 'A test communicator got another output than the one asked for.',
  ERR_NOT_A_FILE: 'The command line names an application file that cannot be loaded or exports no application.',
  ERR_LOCAL_CHANNEL_LAYER:
    'A process that takes jobs from others was given a channel layer that no other process reaches.',
  ERR_NO_SUCH_MODULE: 'The module of a threaded function does not exist, or cannot be loaded.',
  ERR_NO_SUCH_FUNCTION: 'The module of a threaded function exports no function of that name.',
  ERR_NOT_CLONEABLE: 'An argument or result of a threaded function cannot be copied to another thread.',
  ERR_CALL_TIMEOUT: 'A threaded function did not answer within its time limit.',
  ERR_THREAD_LOST: 'A thread ended while it ran a function.',
  ERR_THREAD_POOL_FULL: 'As many calls wait for a thread as the pool takes.',
  ERR_THREAD_POOL_CLOSED: 'A thread pool was closed and takes no more calls.',
} as const

/** A code from the one list of errors: {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes

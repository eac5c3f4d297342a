// The Korean texts by their English ones. `test/chat/words.test.ts` holds them complete.

/** @type {Readonly<Record<string, string>>} */
export const korean = {
  en: 'ko',

  // the first page
  'Rooms to talk in.': '이야기를 나누는 대화방입니다.',
  'Pick a room, or open one': '대화방을 고르거나 새로 여세요',
  'A room is open as long as someone is in it. No account needed. Pick a name if you like.':
    '한 사람이라도 있으면 대화방은 열려 있습니다. 계정은 필요 없고, 이름은 원할 때만 정하면 됩니다.',
  Room: '대화방',
  Rooms: '대화방',
  'for example, lobby': '예: 로비',
  'Open room': '입장',
  'Letters of any language, digits, hyphens and underscores.':
    '한글 등 모든 언어의 글자와 숫자, 붙임표(-), 밑줄(_)을 쓸 수 있습니다.',
  'Which room? Type its name.': '대화방 이름을 입력하세요.',
  'Only letters, digits, hyphens and underscores.': '글자와 숫자, 붙임표(-), 밑줄(_)만 쓸 수 있습니다.',
  Recent: '최근 대화방',
  'Open now': '열린 대화방',
  'No room is open yet.': '아직 열린 대화방이 없습니다.',
  'Open the lobby': '로비 열기',
  'The server does not answer, so this list may be out of date.':
    '서버가 응답하지 않아 이 목록은 최신이 아닐 수 있습니다.',
  'The chat needs JavaScript: messages come over a WebSocket.':
    '메시지를 WebSocket으로 받으므로 JavaScript를 켜야 합니다.',

  // the pages of errors
  'Not a room': '잘못된 대화방 이름',
  'A room cannot have this name': '쓸 수 없는 대화방 이름입니다',
  'A room name has 1 to 40 of these: letters of any language, digits, hyphens and underscores.':
    '대화방 이름은 모든 언어의 글자, 숫자, 붙임표(-), 밑줄(_)로 1~40자입니다.',
  'Not found': '찾을 수 없음',
  'There is no such page': '페이지를 찾을 수 없습니다',
  'Check the address for a typing mistake.': '주소를 잘못 입력하지 않았는지 확인하세요.',
  'See the rooms that are open': '열린 대화방 보기',

  // a room
  'Skip to the message box': '메시지 입력란으로 건너뛰기',
  'New room': '새 대화방',
  'All rooms': '모든 대화방',
  '1 person': '1명',
  '{count} people': '{count}명',
  'Only you': '나 혼자 있음',
  '{count} people here': '{count}명 참여 중',
  'Who is here': '참여자',
  '1 guest': '손님 1명',
  '{count} guests': '손님 {count}명',
  'Copy link': '링크 복사',
  Copied: '복사됨',
  'No messages yet': '아직 메시지가 없습니다',
  'Everyone in the room sees what you write, including people who join later.':
    '여기에 쓴 글은 대화방에 있는 모든 사람과 나중에 들어온 사람에게 보입니다.',
  'Invite someone:': '초대 링크:',
  'Try /report: it draws which words were said most.': '/report를 입력하면 많이 나온 낱말을 그림으로 보여 줍니다.',
  Messages: '메시지',
  'Older messages': '이전 메시지',
  'New messages': '새 메시지',
  '1 new message': '새 메시지 1개',
  '{count} new messages': '새 메시지 {count}개',
  Message: '메시지 입력',
  'Write a message': '메시지를 입력하세요',
  Send: '보내기',
  'Enter to send · Shift+Enter for a new line · Esc to focus this box':
    'Enter 보내기 · Shift+Enter 줄바꿈 · Esc 입력란으로 이동',
  '{count} characters left': '{count}자 남음',
  'There is no command {command}. Try /help.': '{command} 명령은 없습니다. /help를 입력해 보세요.',
  '{command} draws which words were said most in this room.':
    '{command}: 이 대화방에서 많이 나온 낱말을 그림으로 보여 줍니다.',
  '{name} is writing…': '{name} 님이 입력 중…',
  '{name} and {other} are writing…': '{name} 님과 {other} 님이 입력 중…',
  'Several people are writing…': '여러 명이 입력 중…',

  // messages that are not sent yet
  'Not sent yet': '아직 보내지 않은 메시지',
  'Not sent.': '보내지 못했습니다.',
  'Send again': '다시 보내기',
  Discard: '삭제',
  'Sending…': '보내는 중…',
  'Will be sent when you are back online': '다시 연결되면 보냅니다',
  '1 message waits.': '메시지 1개가 대기 중입니다.',
  '{count} messages wait.': '메시지 {count}개가 대기 중입니다.',

  // the connection
  Connecting: '연결 중',
  Connected: '연결됨',
  'Not connected': '연결 끊김',
  'The connection is lost.': '연결이 끊어졌습니다.',
  'You are offline.': '오프라인입니다.',
  'You are logged out.': '로그아웃되었습니다.',
  'The server has closed the connection: {reason}.': '서버가 연결을 닫았습니다: {reason}.',
  'Trying again in {seconds} s.': '{seconds}초 뒤에 다시 연결합니다.',
  'Trying…': '연결하는 중…',
  'Try now': '지금 연결',
  'Connected again at {time}.': '{time}에 다시 연결되었습니다.',

  // the report
  'Counting this room’s words': '낱말을 세는 중',
  'Waiting…': '대기 중…',
  'The report failed. Try again later.': '보고서를 만들지 못했습니다. 나중에 다시 시도하세요.',
  'Nothing to report: there are no words to count yet.': '아직 셀 낱말이 없습니다.',
  'How often each word was said: {counted}.': '낱말이 나온 횟수: {counted}.',
  'What this room talked about, at {time}': '이 대화방에서 많이 나온 낱말, {time}',

  // the visitor
  guest: '손님',
  'guest {number}': '손님 {number}',
  You: '나',
  you: '나',
  ', change your name': ', 이름 바꾸기',
  ', your account': ', 내 계정',
  'What should others call you?': '어떤 이름을 쓰시겠어요?',
  'Leave it empty to be a guest.': '비워 두면 손님으로 표시됩니다.',
  Name: '이름',
  Password: '비밀번호',
  Save: '저장',
  Cancel: '취소',
  'Sign up': '가입',
  'Log in': '로그인',
  'Log out': '로그아웃',
  'Continue as a guest': '손님으로 계속하기',
  'Make the name yours': '이름을 내 것으로 만들기',
  'With a password of 8 characters or more, no one else can use it.':
    '8자 이상의 비밀번호를 정하면 다른 사람이 이 이름을 쓸 수 없습니다.',
  'Welcome back': '다시 오신 것을 환영합니다',
  'You are {name}': '{name} 님',
  'You are {name} now.': '이제 {name} 님입니다.',
  'You are a guest again.': '다시 손님이 되었습니다.',
  'Logging out closes every tab of yours, on every device.': '로그아웃하면 모든 기기에서 열린 탭의 연결이 닫힙니다.',
  'The server does not answer. Try again in a moment.': '서버가 응답하지 않습니다. 잠시 뒤에 다시 시도하세요.',

  // what the server refuses
  'A name is a text.': '이름은 텍스트여야 합니다.',
  'A name has at most 32 characters.': '이름은 32자까지 쓸 수 있습니다.',
  'This name has invisible characters.': '이름에 보이지 않는 문자가 있습니다.',
  '“guest” is what people without a name are called.': '“손님”은 이름이 없는 사람에게 쓰는 말입니다.',
  'A password is a text.': '비밀번호는 텍스트여야 합니다.',
  'A password has at least 8 characters.': '비밀번호는 8자 이상이어야 합니다.',
  'A password has at most 200 characters.': '비밀번호는 200자까지 쓸 수 있습니다.',
  'Log out to be a guest.': '손님이 되려면 로그아웃하세요.',
  'That name is taken. Is it yours? Log in.': '이미 사용 중인 이름입니다. 본인이라면 로그인하세요.',
  'That name is taken.': '이미 사용 중인 이름입니다.',
  'An account needs a name.': '계정에는 이름이 필요합니다.',
  'Too many attempts: wait a minute.': '시도가 너무 많습니다. 1분 뒤에 다시 시도하세요.',
  'There is no such name and password.': '이름 또는 비밀번호가 맞지 않습니다.',
  'Too many people are logging in. Try again in a moment.': '로그인이 몰리고 있습니다. 잠시 뒤에 다시 시도하세요.',
}

"""Words that common passwords are made of: English, pinyin, banking and keyboards.

Put together by hand for this project.  A password is weak when nothing but one or two of them is left once digits, signs and
disguises (`p@ssw0rd`) are taken off, so a few hundred words stand for very many passwords.
"""

from __future__ import annotations

from typing import Final

_TEXT: Final = """
password passwd passcode passphrase pass word secret secure security login logon signin admin administrator root system sys
user users guest test tester testing demo default changeme change letmein welcome hello master super superuser manager
monkey dragon football baseball basketball soccer hockey shadow sunshine princess superman batman starwars iloveyou love
lovely lover angel baby freedom whatever trustno trust michael jordan jennifer michelle daniel charlie thomas summer winter
spring autumn january february march april may june july august september october november december monday tuesday
wednesday thursday friday saturday sunday google apple samsung huawei xiaomi tencent alibaba baidu taobao wechat weixin
alipay internet computer server oracle mysql postgres redis docker linux windows ubuntu cisco office company corporate
bank banker banking finance money dollar yuan renminbi rmb account account card credit debit transfer payment teller vault
branch china beijing shanghai guangzhou shenzhen hangzhou nanjing chengdu wuhan tianjin xian suzhou tarim
nihao woaini woaiwo aini woshi laopo laogong baobao qinaide mima yonghu guanliyuan yinhang zhongguo beijing kouling denglu
caonima wangba haoren jiayou gongsi bumen caiwu fengkong fanqizha shenji ceshi xitong
qwerty qwertyuiop qwert asdf asdfgh asdfghjkl zxcv zxcvbn zxcvbnm qazwsx qazwsxedc qweasd qweasdzxc qaz wsx edc azerty
abc abcd abcde abcdef abcdefg abcdefgh aaa aaaa bbb xxx xyz zzz asd qwe zxc
my the new old good best first last one two three ever always never please enter open go temp temporary initial init reset
hr it ops dev prod audit risk fraud crime police
"""
WEAK_WORDS: Final = frozenset(_TEXT.split())

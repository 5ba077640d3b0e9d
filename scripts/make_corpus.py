#!/usr/bin/env python3
"""Make the corpus that the reference model thinker-48 is trained on, from a grammar whose entropy is known.

    make_corpus.py -o ~/.cache/assay/corpus [--documents 240000] [--seed 1]

Writes train.txt, heldout-large.txt, heldout.txt (documents, each after <|endoftext|>) and corpus.json (bits).

Grammar: [a/b/c] chooses uniformly; {rule} is expanded anew each time; {slot} is drawn at its first mention and stays
bound for the document, so that names, pronouns and things agree over a distance. Documents of different languages
are different rules, so languages never mix inside one.

Entropy: every choice of one in n adds log2(n) bits, a document's rule -log2 of its weight. A slot that is never
mentioned is never drawn. check_grammar() proves that no text has two derivations: the possible beginnings of the
alternatives of every choice are pairwise no prefix of one another, so a text is parsed left to right without a guess
(one look further where {boy} stands before {hero}).
The bits of a document are therefore exactly -log2 of its probability, and no model can do better on average.
"""

import argparse
import itertools
import json
import math
import os
import random
import sys

SEPARATOR = "<|endoftext|>"

BOYS = ("Tom", "Ben", "Jack", "Leo", "Max", "Paul", "Omar", "Felix")
GIRLS = ("Anna", "Lily", "Mia", "Emma", "Rosa", "Nina", "Clara", "Sofia")
PEOPLE = [(n, "he", "his", "him", "boy") for n in BOYS] + [(n, "she", "her", "her", "girl") for n in GIRLS]
PERSON_FORMS = ("he", "his", "him", "boy")

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo", "China": "Beijing",
    "Egypt": "Cairo", "England": "London", "Greece": "Athens", "Russia": "Moscow", "Norway": "Oslo", "Peru": "Lima",
    "Cuba": "Havana", "Kenya": "Nairobi", "Austria": "Vienna", "Ireland": "Dublin",
}
COLOURS = {"grass": "green", "snow": "white", "the sky": "blue", "coal": "black", "a lemon": "yellow", "blood": "red"}
OPPOSITES = {"hot": "cold", "big": "small", "day": "night", "old": "new", "wet": "dry", "fast": "slow", "up": "down",
             "left": "right"}
BABIES = {"dog": "puppy", "cat": "kitten", "cow": "calf", "sheep": "lamb", "hen": "chick", "horse": "foal"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
GREEK = {"first": "alpha", "second": "beta", "third": "gamma", "fourth": "delta"}


def choice(options):
    return "[" + "/".join(options) + "]"


def follows(names):
    return [f"{a} is {b}" for a, b in zip(names, names[1:] + names[:1])]


def counting():
    """Lists of numbers: where to begin and by how much to go on are free, the rest follows."""
    return choice(f"Count by {NUMBERS[step - 1]} from {start}: " + ", ".join(str(start + i * step) for i in range(6))
                  + "." for step in (1, 2, 3, 5) for start in range(0, 10))


# Slots: the first form is drawn; the others follow from it.
SLOTS = {
    "hero": PEOPLE,
    "friend": PEOPLE,
    "place": ["the park", "the river", "the market", "the forest", "the beach", "the farm", "the library",
              "the old mill", "the station", "the lake"],
    "other": ["the bridge", "the tower", "the school", "the church", "the big tree", "the white house"],
    "colour": ["red", "blue", "green", "yellow", "white", "black", "brown", "golden"],
    "thing": ["kite", "ball", "book", "hat", "lamp", "drum", "key", "map", "cup", "basket", "coat", "clock"],
    "animal": ["dog", "cat", "bird", "rabbit", "duck", "goat", "mouse", "pony"],
    "weather": ["sunny", "rainy", "cold", "warm", "windy", "quiet"],
    "trait": ["kind", "clever", "shy", "brave", "cheerful", "little"],
    "food": ["apples", "pears", "plums", "eggs", "carrots", "cakes"],
    "count": [("three", "two"), ("four", "three"), ("five", "four"), ("six", "five"), ("seven", "six")],
    "de": [("Karl", "er"), ("Hans", "er"), ("Peter", "er"), ("Maria", "sie"), ("Lena", "sie"), ("Greta", "sie")],
    "ding": [("einen alten Hut", "der Hut", "ihn"), ("eine kleine Katze", "die Katze", "sie"),
             ("ein rotes Buch", "das Buch", "es"), ("einen blauen Vogel", "der Vogel", "ihn"),
             ("eine schöne Blume", "die Blume", "sie"), ("ein weißes Pferd", "das Pferd", "es")],
    "ort": ["in den Park", "an den Fluss", "auf den Markt", "in die Stadt", "zur Brücke"],
    "es": ["Juan", "Pedro", "Luis", "Elena", "Carmen", "Isabel"],
    "cosa": [("un sombrero viejo", "el sombrero"), ("una gata pequeña", "la gata"), ("un libro rojo", "el libro"),
             ("una flor amarilla", "la flor"), ("un pájaro azul", "el pájaro"), ("una llave dorada", "la llave")],
    "lugar": ["al parque", "al río", "al mercado", "a la playa", "a la montaña"],
    "zh": ["小明", "小红", "李华", "王老师", "张医生"],
    "zhplace": ["公园", "学校", "河边", "市场", "图书馆"],
    "zhthing": [("一只白猫", "这只白猫"), ("一本旧书", "这本旧书"), ("一朵红花", "这朵红花"), ("一匹小马", "这匹小马"),
                ("一把雨伞", "这把雨伞")],
    "ja": ["太郎", "花子", "健", "先生", "お母さん"],
    "japlace": ["公園", "学校", "川", "市場", "図書館"],
    "jathing": ["白い猫", "古い本", "赤い花", "小さな犬", "青い傘"],
    "ar": ["أحمد", "محمود", "يوسف", "سمير", "خالد"],
    "arplace": ["الحديقة", "المدرسة", "السوق", "النهر", "المكتبة"],
    "arthing": [("قطة صغيرة", "القطة"), ("وردة حمراء", "الوردة"), ("حقيبة سوداء", "الحقيبة"),
                ("ساعة قديمة", "الساعة"), ("طائرة زرقاء", "الطائرة")],
}
# A form of a slot under a name of its own: name -> (slot, which form).
FORMS = {"left": ("count", 1), "er": ("de", 1), "das": ("ding", 1), "ihn": ("ding", 2), "la": ("cosa", 1),
         "zhthis": ("zhthing", 1), "arthe": ("arthing", 1)}
FORMS |= {form: ("hero", i) for i, form in enumerate(PERSON_FORMS, start=1)}
FORMS |= {"f" + form: ("friend", i) for i, form in enumerate(PERSON_FORMS, start=1)}

FACT_TABLES = {
    "capital": [f"the capital of {a} is {b}" for a, b in CAPITALS.items()],
    "paint": [f"the colour of {a} is {b}" for a, b in COLOURS.items()],
    "opposite": [f"the opposite of {a} is {b}" for a, b in OPPOSITES.items()],
    "baby": [f"a young {a} is called a {b}" for a, b in BABIES.items()],
    "day": [f"the day after {a}" for a in follows(DAYS)],
    "month": [f"the month after {a}" for a in follows(MONTHS)],
    "greek": [f"the {a} Greek letter is {b}" for a, b in GREEK.items()],
}
QUESTIONS = [(f"What is the capital of {a}?", f"The capital of {a} is {b}.") for a, b in CAPITALS.items()]
QUESTIONS += [(f"What is the opposite of {a}?", f"The opposite of {a} is {b}.") for a, b in OPPOSITES.items()]
QUESTIONS += [(f"What colour is {a}?", f"The colour of {a} is {b}.") for a, b in COLOURS.items()]


def chat(question, answer):
    return f"{question}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>"


RULES = {
    "story": "[Once upon a time there was a {trait} {boy} called {hero}. {He} lived near {place}, and one {weather} day"
             " {he} went there/One {weather} [day/morning/evening], {hero} went to {place}]"
             "[ with {his} [mother/father/uncle]/ alone/ after [school/breakfast/lunch]]. {plot} {ending}",
    "plot": "[{He} [took/brought] {lost}/There {he} [saw/met] {meets}/{hero} [wanted to buy/had to fetch] {market}/"
            "On the way {he} found {found}/Soon {race}/Suddenly {rain}]",
    "lost": "{his} {colour} {thing} along. {He} [played/ran/danced] [all morning/for an hour/with the children], and "
            "then the {thing} was gone. {hero} looked [under a bench/behind a tree/in the grass], but {he} could not "
            "find it. {sad} \"I lost my {colour} {thing},\" said {hero}. {friend} [looked/searched] [near/behind/"
            "in front of] {other} and came back [at once/after a while]. \"Here is your {thing}!\" {fhe} said. "
            "{thanks}",
    "sad": "{He} [sat down and cried/was very sad/did not know what to do]. Then {friend} came. "
           "\"[What is wrong/Why are you so sad/What happened], {hero}?\" {fhe} asked.",
    "thanks": "{hero} [thanked {fhim}/smiled at {fhim}/gave {fhim} a hug], and {friend} was "
              "[happy/glad/proud] too.",
    "meets": "a {colour} {animal}. The {animal} was [hungry/thirsty/cold/lost], and it [looked at {him}/hid behind a "
             "stone/sat near {other}]. {hero} [gave it some bread/gave it some milk/sang a song] and said, \"[Don't be "
             "afraid/Come with me/You can trust me], little {animal}.\" The {animal} followed {him} home. {His} friend "
             "{friend} asked, \"Is that your {animal}?\" \"Yes,\" said {hero}, \"it is my new friend.\" So {friend} "
             "[stroked/fed/washed] the {animal}, and it [slept by the fire/was happy/never ran away].",
    "market": "{count} {food}. {He} put the {food} into a {colour} basket and walked past {other}. There {he} met "
              "{friend}, who was [hungry/tired/sad]. \"Would you like one of my {count} {food}?\" asked {hero}. "
              "\"[Yes, please/That is kind/Thank you], {hero},\" said {friend}. {hero} gave {fhim} one, and so {left} "
              "{food} were left. At home {his} [mother/father] counted the {food}. \"Why are there only {left}?\" "
              "\"I gave one to {friend},\" said {hero}. \"[Well done/That was right/Good],\" was the answer.",
    "found": "a {colour} {thing} [near/behind/in front of] {other}. \"Whose {thing} is this?\" {he} [thought/"
             "wondered]. "
             "{He} asked [a farmer/a teacher/an old woman], but the {thing} belonged to somebody else. Then {he} met "
             "{friend}, who was looking for something. \"I have lost my {thing},\" said {friend}. \"Is it {colour}?\" "
             "asked {hero}. \"Yes, it is!\" said {friend}. So {hero} gave the {colour} {thing} back, and {friend} "
             "[laughed/danced/clapped {fhis} hands] and gave {him} [an apple/a coin/a flower].",
    "race": "{hero} met {friend}. \"Let us run to {other},\" said {friend}. \"The first one wins my {colour} "
            "{thing}.\" "
            "{hero} [ran as fast as {he} could/fell over a stone, but got up again/took the short way]. "
            "[Both came to {other} together/At {other} {hero} was first/But {friend} was first at {other}], and "
            "[an old man/a small child/the teacher] watched them. "
            "\"[Well done/That was fun/What a race]!\" said {friend}. In the end they shared the {colour} {thing}.",
    "rain": "it began to [rain/snow]. {hero} ran to {other} and waited. {friend} was there too, with a {colour} "
            "umbrella. \"May I stand under your {colour} umbrella, {friend}?\" asked {hero}. \"Of course,\" said "
            "{friend}. They [talked/sang/told stories] [until it stopped/for an hour], and then {friend} gave {hero} "
            "{count} {food}. {hero} ate one of them, and {left} {food} were left.",
    "ending": "[In the evening/At last/After that] {hero} [went home/walked home/ran home], and {he} [was tired/"
              "was happy/slept well].",
    "dialogue": "{hero}: [Hello/Good morning/Good evening], {friend}. [Where is my {colour} {thing}?\n{where}/"
                "How is your {animal}?\n{health}/What do you want to do today?\n{plans}/Are there any {food} left?\n"
                "{stock}]",
    "where": "{friend}: Your {colour} {thing} is [near/behind/in front of] {other}, {hero}.\n{hero}: [Thank you/Good/"
             "At last]! Who put the {thing} there?\n{friend}: [I did/My brother did/Nobody knows], {hero}.\n{bye}",
    "health": "{friend}: My {animal} is [fine/ill/old/hungry], {hero}.\n{hero}: What does the {animal} eat?\n{friend}: "
              "It eats {food}, and it likes {place}.\n{hero}: Then let us take the {animal} to {place}.\n"
              "{friend}: Good, let us go.\n{bye}",
    "plans": "{friend}: I want to go to {place}, {hero}.\n{hero}: What will you do at {place}?\n{friend}: I will "
             "[look for/read/use/sell] my {colour} {thing}.\n{hero}: May I come with you and your {thing}?\n{friend}: "
             "[Yes/Of course/Not today], {hero}.\n{bye}",
    "stock": "{friend}: Yes, {hero}. There are {count} {food}.\n{hero}: May I have one?\n{friend}: Take one. Now "
             "{left} {food} are left.\n{hero}: [They taste good/They are sweet/I like them].\n{friend}: I like them "
             "too.\n{bye}",
    "bye": "{hero}: [Goodbye/See you tomorrow/Good night], {friend}.\n{friend}: Goodbye, {hero}.",
    "fact": choice([choice(rows) for rows in FACT_TABLES.values()]),
    "facts": "{Fact}. {Fact}. {Fact}. {Fact}.",
    "sum": choice(f"{a} + {b} = {a + b}" for a, b in itertools.product(range(10), range(10))),
    "sums": "{sum}\n{sum}\n{sum}\n{sum}\n{sum}\n{sum}",
    "list": "[List of things to buy: {item}, {item}, {item}, {item}, {item}./List of things to do: {do}, {do}, {do}./"
            + counting() + "/The days of the week are " + ", ".join(DAYS) + "./The months of the year are "
            + ", ".join(MONTHS) + "./The numbers are " + ", ".join(NUMBERS) + ".]",
    "item": "[a [red/blue/green/white] [cup/hat/coat/lamp]/[two/three/four/five] [apples/pears/plums/eggs]/"
            "some [bread/milk/salt/tea]]",
    "do": "[wash the [cups/coats]/feed the [dog/cat/duck]/call [Tom/Anna/Ben/Mia]/read the [book/map]/"
          "clean the [lamp/clock]]",
    "chat": "<|im_start|>user\n" + choice(chat(q, a) for q, a in QUESTIONS),
    "german": "[Heute/Gestern/Am Abend/Am Morgen] ging {de} {ort}. [Dort/Unterwegs] sah {er} {ding}. {de} [nahm/mochte/"
              "suchte] {ihn}, denn {das} war [sehr schön/ganz allein/ein Geschenk]. [Dann/Später] kam ein Kind und "
              "fragte: „Wem gehört {das}?“ „Mir“, sagte {de} und ging nach Hause.",
    "spanish": "[Hoy/Ayer/Por la tarde/Por la noche] {es} fue {lugar}. [Allí/En el camino] encontró {cosa}. {es} miró "
               "{la} y [sonrió/cantó/pensó un rato]. [Después/Luego] llegó un niño y preguntó: «¿De quién es {la}?» "
               "«[Es mía/Es de mi casa/No lo sé]», dijo {es}, y volvió a casa.",
    "chinese": "[今天/昨天/早上/晚上]，{zh}去了{zhplace}。在{zhplace}，{zh}看见了{zhthing}。{zh}[很喜欢/想买/带走了]{zhthis}。"
               "[后来/最后]，朋友问：“{zhthis}是谁的？”{zh}说：“[是我的/我不知道/是妈妈的]。”",
    "japanese": "[今日/昨日/朝/夜]、{ja}は{japlace}に行きました。{japlace}で{jathing}を見つけました。{ja}は[とても喜びました/"
                "少し驚きました/それが好きです]。[その後/最後に]、友達が「その{jathing}は誰のですか」と聞きました。{ja}は「"
                "[私のです/知りません/母のです]」と答えました。",
    "arabic": "[اليوم/أمس/في الصباح/في المساء] ذهب {ar} إلى {arplace}. في {arplace} رأى {ar} {arthing}. "
              "[أحب/أخذ/نظف] {ar} {arthe}. [ثم/بعد ذلك] سأل الصديق: لمن هذه {arthe}؟ قال {ar}: "
              "[هي لي/لا أعرف/هي لأمي].",
}
DOCUMENTS = {"story": 0.34, "dialogue": 0.14, "facts": 0.14, "sums": 0.12, "list": 0.06, "chat": 0.06, "german": 0.028,
             "spanish": 0.028, "chinese": 0.028, "japanese": 0.028, "arabic": 0.028}


# ---------------------------------------------------------------- the grammar


def parse(text):
    """Text to a list of items: a literal string, ("name", NAME) or ("choice", [list of items, ...])."""
    def sequence(position, closing):
        items, alternatives = [], []
        while position < len(text):
            mark = text[position]
            if mark == "[":
                options, position = sequence(position + 1, True)
                items.append(("choice", options))
            elif closing and mark == "/":
                alternatives.append(items)
                items, position = [], position + 1
            elif closing and mark == "]":
                return alternatives + [items], position + 1
            elif mark == "{":
                end = text.index("}", position)
                items.append(("name", text[position + 1:end]))
                position = end + 1
            else:
                end = position
                while end < len(text) and text[end] not in ("[{/]" if closing else "[{"):
                    end += 1
                items.append(text[position:end])
                position = end
        if closing:
            raise SystemExit(f"bracket not closed: {text[:60]}")
        return items, position

    return sequence(0, False)[0]


GRAMMAR = {name: parse(text) for name, text in RULES.items()}


def lower_first(name):
    return name[0].lower() + name[1:]


def upper_first(text):
    return text[0].upper() + text[1:]


def rows_of(slot):
    return [row if isinstance(row, tuple) else (row,) for row in SLOTS[slot]]


class Document:
    """One document, and how many bits its choices took."""

    def __init__(self, rng):
        self.rng, self.bits, self.bound, self.used = rng, 0.0, {}, []
        kind, draw = None, rng.random()
        for kind, weight in DOCUMENTS.items():
            if draw < weight:
                break
            draw -= weight
        self.kind = kind
        self.bits -= math.log2(DOCUMENTS[kind])
        self.text = self.expand(GRAMMAR[kind])

    def pick(self, options):
        self.bits += math.log2(len(options))
        return options[int(self.rng.random() * len(options))]

    def draw(self, slot):
        rows = rows_of(slot)
        if slot == "friend":  # of the other sex than the hero, so that pronouns say who is meant
            rows = [row for row in rows if row[1] != self.bound["hero"][1]]
        return self.pick(rows)

    def name(self, name):
        if name not in GRAMMAR and name not in SLOTS and name not in FORMS:
            return upper_first(self.name(lower_first(name)))
        if name in GRAMMAR:
            return self.expand(GRAMMAR[name])
        slot, form = FORMS.get(name, (name, 0))
        if slot not in self.bound:
            self.bound[slot] = self.draw(slot)
        return self.bound[slot][form]

    def expand(self, items):
        out = []
        for item in items:
            if isinstance(item, str):
                out.append(item)
            elif item[0] == "name":
                out.append(self.name(item[1]))
            else:
                out.append(self.expand(self.pick(item[1])))
        return "".join(out)


def beginnings(items):
    """What a sequence can begin with: its first literal, or everything that its first name or choice begins with."""
    if not items:
        return {""}
    if isinstance(items[0], str):
        return {items[0]}
    if items[0][0] == "choice":
        return set().union(*(beginnings(option) for option in items[0][1]))
    name = items[0][1]
    if name not in GRAMMAR and name not in SLOTS and name not in FORMS:
        return {upper_first(text) for text in beginnings([("name", lower_first(name))])}
    if name in GRAMMAR:
        return beginnings(GRAMMAR[name])
    slot, form = FORMS.get(name, (name, 0))
    return {row[form] for row in rows_of(slot)}


def check_distinct(options, where):
    """No beginning of one alternative may be a prefix of a beginning of another."""
    for (i, first), (j, second) in itertools.combinations(enumerate(options), 2):
        for a, b in itertools.product(first, second):
            if a.startswith(b) or b.startswith(a):
                raise SystemExit(f"{where}: alternatives {i} and {j} can both begin with {min(a, b, key=len)!r}")


def check_grammar():
    def walk(items, where):
        for item in items:
            if not isinstance(item, str) and item[0] == "choice":
                check_distinct([beginnings(option) for option in item[1]], where)
                for option in item[1]:
                    walk(option, where)

    check_distinct([beginnings(GRAMMAR[kind]) for kind in DOCUMENTS], "documents")
    for slot in SLOTS:
        check_distinct([{row[0]} for row in rows_of(slot)], f"slot {slot}")
    for name, items in GRAMMAR.items():
        walk(items, name)
    if abs(sum(DOCUMENTS.values()) - 1) > 1e-9:
        raise SystemExit("weights of the documents do not sum to one")


# ---------------------------------------------------------------- writing


def write_documents(path, documents):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("".join(SEPARATOR + d.text for d in documents) + SEPARATOR)
    return {"documents": len(documents), "bits": math.fsum(d.bits for d in documents)}


def main():
    parser = argparse.ArgumentParser(description="Make a corpus of known entropy from a grammar.")
    parser.add_argument("-o", "--output", required=True, help="folder to write")
    parser.add_argument("--documents", type=int, default=240000, help="documents to train on (default 240000)")
    parser.add_argument("--heldout", type=int, default=1000, help="documents held out (default 1000)")
    parser.add_argument("--small", type=int, default=24, help="documents of the small held-out text (default 24)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    check_grammar()
    os.makedirs(args.output, exist_ok=True)
    rng = random.Random(args.seed)
    train = [Document(rng) for _ in range(args.documents)]
    heldout = [Document(rng) for _ in range(args.heldout)]
    seen = {d.text: d.bits for d in train}
    if any(abs(seen.get(d.text, d.bits) - d.bits) > 1e-6 for d in itertools.chain(train, heldout)):
        raise SystemExit("one text was made in two ways")
    small = heldout[:args.small]
    report = {
        "seed": args.seed, "unit": "bits: -log2 of the probability of the text, document by document",
        "train.txt": write_documents(os.path.join(args.output, "train.txt"), train),
        "heldout-large.txt": write_documents(os.path.join(args.output, "heldout-large.txt"), heldout),
        "heldout.txt": write_documents(os.path.join(args.output, "heldout.txt"), small),
        "heldout documents that are also in train": sum(d.text in seen for d in heldout),
        "kinds": {},
    }
    for kind, weight in DOCUMENTS.items():
        bits = [d.bits for d in train if d.kind == kind]
        report["kinds"][kind] = {"weight": weight, "documents": len(bits), "mean bits": math.fsum(bits) / len(bits)}
    with open(os.path.join(args.output, "corpus.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
    print(json.dumps(report, indent=2), file=sys.stderr)


if __name__ == "__main__":
    main()

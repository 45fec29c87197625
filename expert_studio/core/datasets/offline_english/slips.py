"""Sentences with one known slip each: `[wrong~right]` marks the place.

Each line is a template family. Lines with "!" are held out: the kind of slip is known from
other lines, the sentence is not. Slots are kinds of `offline_words`. Knows no code.
"""

TEXT = """
# their
The {s:animal} left [there~their] food in the {room}.
{name} and {name2} sold [there~their] {item} to {person}.
The children forgot [there~their] coats at the {building}.
Both teams lost [there~their] first match in {city}.
Many people leave [there~their] keys in the {room}.
!The twins parked [there~their] {vehicle} near the {building}.
!The nurses finished [they're~their] shift at {time}.
# there
[Their~There] is {a:item} in the {room}.
[Their~There] are {small} letters for {person}.
{name} has lived [their~there] since {year}.
Put the {item} over [their~there], please.
!Is [their~there] a bus to {city} on {day}?
!We went [their~there] with {name} in {month}.
# they're
[Their~They're] going to {city} on {day}.
{name} says that [there~they're] late again.
I think [their~they're] happy with the new {item}.
!We wait because [their~they're] still in the {building}.
# its
The {animal} hurt [it's~its] leg in {month}.
{company} changed [it's~its] name in {year}.
The city is proud of [it's~its] old {building}.
The {item} has lost [it's~its] colour.
!The museum closed [it's~its] doors at {time}.
# it's
[Its~It's] too cold to swim in {month}.
{name} says that [its~it's] raining in {city}.
I think [its~it's] time to sell the {vehicle}.
[Its~It's] {small} minutes to the {building}.
!Bring {a:item}, because [its~it's] dark in the {room}.
# your
Is this [you're~your] {item}, {name}?
Please send [you're~your] answer before {day}.
I met [you're~your] sister in {city}.
{name} found [you're~your] letter in the {room}.
!What is [you're~your] address in {city}?
# you're
I hope [your~you're] well, {name}.
[Your~You're] the best {job} in {city}.
If [your~you're] late, call {name}.
!Tell me when [your~you're] ready for {city}.
# too
The {item} is [to~too] heavy for {name}.
It was [to~too] late to call {person}.
{name} wants to come to {city} [to~too].
There are [to~too] many people in the {building}.
!This {room} is [to~too] small for {count} people.
# to
{name} wants [too~to] learn {language}.
We drove [too~to] {city} on {day}.
{person} gave the {item} [too~to] {name}.
!It takes {small} hours [too~to] get to {city}.
# than
The {animal} is faster [then~than] the {animal2}.
{name} is older [then~than] {name2}.
{city} is bigger [then~than] {city2}.
It cost more [then~than] {count} euros.
!{person} works harder [then~than] {name}.
# then
First we ate, and [than~then] we went to the {building}.
{name} lived in {city} and [than~then] in {city2}.
!Turn left, [than~then] cross the bridge to {city}.
# whose
I know the {job} [who's~whose] {item} was stolen.
[Who's~Whose] {vehicle} is in front of the {building}?
!{name} is the girl [who's~whose] {pet} ran away.
# lose
Do not [loose~lose] the key to the {room}.
{name} is afraid to [loose~lose] the match in {city}.
!You will [loose~lose] your place if you go to the {building}.
# quite
The soup was [quiet~quite] good, said {name}.
{city} is [quiet~quite] far from here.
!It is [quiet~quite] cold in the {room} in {month}.
# quiet
Please be [quite~quiet] in the {building}.
The {room} was dark and [quite~quiet].
!{name} likes [quite~quiet] evenings in {city}.
# hear
Can you [here~hear] the {animal} in the garden?
{name} did not [here~hear] the bell at {time}.
!We could [here~hear] music from the {building}.
# know
{name} does not [no~know] the way to {city}.
Do you [no~know] {person}?
!I [no~know] {a:job} who speaks {language}.
# knew
{name} [new~knew] every street in {city}.
Nobody [new~knew] that {person} was ill.
!We [new~knew] the answer before {day}.
# write
{name} must [right~write] a letter to {company}.
Please [right~write] your name on the {item}.
!I will [right~write] to {person} in {month}.
# weather
The [whether~weather] in {city} was bad in {month}.
!Because of the [whether~weather], {name} stayed in {city}.
# whether
{name} asked [weather~whether] the {building} was open.
!I wonder [weather~whether] {person} lives in {city}.
# passed
{name} [past~passed] the exam in {subject}.
We [past~passed] the {building} at {time}.
!{person} [past~passed] me the {item}.
# where
{name} knows [were~where] the {item} is.
This is the city [were~where] {person} was born.
!Show me [were~where] you saw the {animal}.
# were
The tickets [where~were] sold out by {day}.
{name} and {name2} [where~were] in {city} last week.
!We [where~were] late for the train to {city}.
# whole
{name} ate the [hole~whole] cake.
!It rained the [hole~whole] day in {city}.
# week
{name} comes to {city} every [weak~week].
!The {building} is closed this [weak~week].
# piece
{name} wants a [peace~piece] of cake.
!There is a [peace~piece] of paper under the {item}.
# buy
{name} wants to [by~buy] {a:item}.
!We must [by~buy] bread before {time}.
# brake
The [break~brake] of the {vehicle} does not work.
!{name} pressed the [break~brake] too late.
# break
The glass will [brake~break] if {name} drops it.
!We have a short [brake~break] at {time}.
# advice
{name} gave me good [advise~advice] about {subject}.
!Thank you for your [advise~advice], {name}.
# accept
{company} will [except~accept] the offer on {day}.
!{name} could not [except~accept] the gift.
# except
Everyone came [accept~except] {name}.
!The {building} is open every day [accept~except] {day}.
# effect
The new law had no [affect~effect] in {city}.
!The rain had a strong [affect~effect] on the {plant}.
# could have
{name} could [of~have] called me on {day}.
We should [of~have] taken the train to {city}.
{person} would [of~have] liked the {item}.
!They might [of~have] missed the bus to {city}.
# comparison
This {item} is [more better~better] than the old one.
{name} is [more taller~taller] than {name2}.
It was the [most happiest~happiest] day of the year.
The {vehicle} is [more fast~faster] than the {vehicle2}.
The {food} was [more good~better] last week.
!{city} is [more colder~colder] than {city2} in {month}.
!This was the [most worst~worst] match in {city}.
# many
How [much~many] people live in {city}?
There are too [much~many] chairs in the {room}.
{name} does not have [much~many] friends in {city}.
!I have not read [much~many] books about {subject}.
# much
How [many~much] money did {name} spend?
There is not [many~much] water in the {room}.
!{person} does not drink [many~much] milk.
# double negative
{name} [doesn't know nothing~doesn't know anything] about {subject}.
I [haven't seen nobody~haven't seen anybody] in the {building}.
!{person} [doesn't want nothing~doesn't want anything] from {company}.
# past tense
Yesterday {name} [go~went] to {city}.
Last {day} we [see~saw] {a:animal} near the {building}.
In {year}, {person} [buy~bought] the {building}.
{name} [write~wrote] a long letter last week.
Two days ago {company} [sell~sold] the {vehicle}.
!Last year {name} [come~came] to {city} by train.
!Yesterday the {job} [find~found] {a:item} in the {room}.
# present perfect
{name} has [went~gone] to {city}.
We have [saw~seen] this film twice.
{person} has never [ate~eaten] {food}.
I have [wrote~written] to {company}.
!{name} has [took~taken] the {item} to {city}.
!They have [came~come] back from {city}.
# after did
{name} did not [went~go] to the {building}.
Did {name} [saw~see] the {animal}?
We did not [bought~buy] the {item}.
!{person} did not [came~come] on {day}.
# since and for
{name} has lived in {city} [since~for] {small} years.
They have known {person} [for~since] {year}.
!We have waited [since~for] {small} hours.
# progressive
{name} is [work~working] in the {room} now.
The children are [play~playing] in front of the {building}.
I am [wait~waiting] for {person}.
!{person} is [read~reading] a book about {subject}.
# to-infinitive
{name} wants [go~to go] to {city}.
We hope [see~to see] you in {month}.
!{person} decided [buy~to buy] the {item}.
# gerund
{name} enjoys [to swim~swimming] in the sea.
Thank you for [help~helping] me with the {item}.
{name} finished [to read~reading] the book.
!{person} is good at [repair~repairing] clocks.
# fixed preposition
{name} is interested [on~in] {subject}.
{name} is afraid [from~of] the {animal}.
It depends [from~on] the weather in {city}.
{person} is good [in~at] {subject}.
We look forward [for~to] the trip to {city}.
{name} is married [with~to] {person}.
!{name2} is interested [for~in] the history of {city}.
!The people of {city} are proud [for~of] their {building}.
# listening
{name} listens [the~to the] radio in the {room}.
We waited [the~for the] bus to {city}.
!{person} looked [the~at the] picture for a long time.
# adjective order
{name} has a [house small~small house] near {city}.
We bought the [{item} {color}~{color} {item}].
It was a [day long~long day] for the {job}.
!{person} told us a [story funny~funny story] about {city}.
# question order
What time [does start the film~does the film start]?
Where [you live~do you live] in {city}?
When [the train leaves~does the train leave] for {city}?
!What [means this word~does this word mean] in {language}?
# indirect question
I do not know where [is {name}~{name} is].
Can you tell me what time [is it~it is]?
!{name} asked me where [was the {building}~the {building} was].
# adverb place
{name} [goes always~always goes] to {city} by train.
{name} [drinks never~never drinks] coffee after {time}.
!{person} [forgets often~often forgets] the {item}.
# uncountable
{name} gave me many [informations~pieces of information] about {city}.
The [furnitures are~furniture is] old in the {room}.
We need some [advices~advice] about {subject}.
!The [news are~news is] bad for {company}.
# irregular plural
The {job} helped three [womans~women] in {city}.
We met {small} [childs~children] at the {building}.
Brush your [tooths~teeth] before bed.
!{name} saw {small} [mouses~mice] in the {room}.
# adverb form
{name} drives very [careful~carefully].
The {job} answered the question [quick~quickly].
{person} sings [beautiful~beautifully].
!The children played [happy~happily] in the {room}.
# good and well
{name} speaks {language} very [good~well].
!{person} did not sleep [good~well] in {city}.
# me and I
[Me and {name}~{name} and I] went to {city}.
{person} gave the {item} to {name} and [I~me].
!The letter was for {name} and [I~me].
# this and these
[This~These] {s:item} are too expensive.
Who gave you [this~these] books about {subject}?
!{name} does not like [this~these] shoes.
# who and which
{name} is the {job} [which~who] lives in {city}.
This is the {item} [who~which] I bought in {city}.
!I met a woman [which~who] speaks {language}.
# say and tell
{name} [said~told] me that the {building} was closed.
!{person} [said~told] us a secret.
# make and do
{name} [made~did] the homework for {subject}.
{name} [did~made] a mistake in {subject}.
!{person} [did~made] a cake for {name}.
# agreement
Each of the {s:item} [have~has] a number.
The list of {s:item} [are~is] on the table.
Neither {name} nor {name2} [were~was] in {city}.
Everybody in {city} [know~knows] {person}.
One of the {s:vehicle} [are~is] broken.
!The price of the {s:item} [have~has] gone up.
!Nobody in the {building} [speak~speaks] {language}.
# third person
{name} [go~goes] to the {building} every {day}.
My sister [work~works] for {company}.
The {animal} [sleep~sleeps] in the {room}.
{name} [have~has] {a:item} and {a:item2}.
{person} [do not~does not] like {food}.
The train to {city} [leave~leaves] at {time}.
!{name} [play~plays] {sport} in {city}.
!{name} [don't~doesn't] speak {language}.
# plural subject
{name} and {name2} [is~are] from {city}.
My parents [lives~live] near the {building}.
The {s:animal} [was~were] in the garden.
The shops in {city} [opens~open] at {time}.
!{name} and {name2} [has~have] {a:vehicle}.
# commas in a list
{name} bought [bread milk~bread, milk] and apples in {city}.
!The {vehicle} is [old slow~old, slow] and noisy.
# contraction
{name} [doesnt~doesn't] know the way to {city}.
I [cant~can't] find my {item}.
We [didnt~didn't] see {person} on {day}.
[Im~I'm] waiting in front of the {building}.
[Thats~That's] the {job} from {city}.
!{name} [wont~won't] come to {city} in {month}.
!They [werent~weren't] in the {building} at {time}.
# possessive
This is [{name}s~{name}'s] {item}.
We stayed at [my brothers~my brother's] house in {city}.
!The police found [the {job}s~the {job}'s] {vehicle}.
# missing word
{name} is [teacher~a teacher] in {city}.
{person} wants to be [doctor~a doctor].
It [very cold~is very cold] in {city} in {month}.
{name} [tired~is tired] after the trip to {city}.
!This [the best~is the best] {food} in {city}.
# as and like
{name} works [like~as] {a:job} in {city}.
!{person} uses the {item} [like~as] a table.
# so and such
It was [so~such] a long way to {city}.
{name} was [such~so] tired on {day}.
!We had [so~such] good weather in {month}.
# conditional
If I [would have~had] more time, I would learn {language}.
If {name} [will come~comes] on {day}, we will eat {food}.
!If it [will rain~rains], we will stay in the {building}.
# few and little
There are [less~fewer] people in {city} in {month}.
!{name} made [less~fewer] mistakes than {name2}.
# one another spelling
{name} will [recieve~receive] the {item} on {day}.
We [beleive~believe] that {person} is right.
The meeting in {city} was [definately~definitely] useful.
{name} works in a [seperate~separate] building.
It is [neccessary~necessary] to call {company}.
The accident [occured~occurred] near {city}.
{name} could not come [untill~until] {day}.
The weather in {city} was [wierd~weird] today.
My [freind~friend] {name} lives in {city}.
[Tommorow~Tomorrow] we will visit the {building}.
It was a [beatiful~beautiful] day in {city}.
The {job} gave a good [arguement~argument].
{name} wrote to the [goverment~government] in {month}.
What happens at the [begining~beginning] of the film?
{person} has much [knowlege~knowledge] of {subject}.
There was a [suprise~surprise] for {name}.
!{name} did not [recieve~receive] an answer from {company}.
!The {building} is a [beatiful~beautiful] place.
!I [beleive~believe] that {name} is from {city}.
"""

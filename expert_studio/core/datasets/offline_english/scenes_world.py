"""Scenes of travel, learning, nature, science and public life, in the notation of `scene`."""

TEXT = """
@ train_trip
who=person old=city new=city time=time small=small price=amount
> took the train from {old} to {new}
> left at {time}
> changed trains {small} times
> [observed~saw] the sea from the window
= The ticket cost {price} euros. | For the ticket one pays {price} euros.
? old: From where did {last} travel?
? new: Where did {last} go?
? time: At what time did {last} leave?
? price={price} euros: How much was the ticket?

@ hotel
who=person place=city small=small dayof=dayof price=amount code=code
> booked a hotel in {place} for {small} nights
> arrives on {dayof}
> [desires~wants] a quiet room with a view
= The booking code is {code}. | The hotel gave the booking the code {code}.
= One night costs {price} euros. | A night there is {price} euros.
? place: In which city is the hotel?
? small={small} nights: How long will {last} stay?
? dayof: On which date does {last} arrive?
? code: What is the booking code?
? price={price} euros: How much is one night?

@ museum
house=museum place=city year=year count=count day=day head=person
> was opened to visitors in {place} in {year}
> [exhibits~shows] more than {count} paintings
> is closed on {day}
= {head} is the director. | Its director is {head}.
? year: When was it opened to visitors?
? count: How many paintings does it show?
? day: On which day is it closed?
? head: Who is the director?

@ student
who=person subject=subject place=city year=year language=language small=small
> studies {subject} in {place}
> began in {year}
> speaks {language} with the other students
> [participates~takes part] in a theatre group
= There are {small} exams each year.
? subject: What does {last} study?
? place: Where does {last} study?
? year: When did {last} begin?
? small={small} exams: How many exams are there each year?

@ expedition
who=person place=country month=month small=small animal=animal count=count
> travelled to {place} in {month}
> photographed {a:animal} at night
> walked {count} kilometres with a guide
> [encountered~met] only {small} other travellers
= The nights there were cold and clear.
? place: To which country did {last} travel?
? month: In which month did {last} travel?
? animal={a:animal}: Which animal did {last} photograph?
? count={count} kilometres: How far did {last} walk?

@ match
who=person sport=sport place=city day=day small=small other=person
> plays {sport} for a club in {place}
> scored {small} points on {day}
> [suffered~had] an injury last season
= {other} was the referee. | The referee was {other}.
? sport: Which sport does {last} play?
? place: In which city is the club?
? small={small} points: How many points did {last} score?
? other: Who was the referee?

@ concert
who=person instrument=instrument building=building day=day time=time price=amount
> plays the {instrument} in the {building} on {day}
> [rehearses~practises] four hours a day
> wrote two of the songs
= The concert starts at {time}. | At {time}, the concert starts.
= Tickets cost {price} euros. | You pay {price} euros for a ticket.
? building=in the {building}: Where does {last} play?
? day: On which day is the concert?
? time: When does the concert start?
? price={price} euros: How much do tickets cost?

@ weather
city=city day=day percent=percent small=small month=month count=count
> expects rain on {day}
> had {small} days of sunshine in {month}
> [experienced~had] a strong storm in spring
= The risk of rain is {percent} percent. | There is {a:percent} percent risk of rain.
= The wind reached {count} kilometres an hour.
? day: On which day is rain expected?
? percent={percent} percent: What is the risk of rain?
? small={small} days: How many days of sunshine were there in {month}?
? count={count} kilometres an hour: How fast was the wind?

@ research
who=person subject=subject year=year animal=animal place=country count=count
> teaches {subject} at a university
> published a study about the {animal} in {year}
> collected {count} samples in {place}
> [demonstrated~showed] that the numbers are falling
= The study took nine years.
? subject: What does {last} teach?
? year: When was the study published?
? count={count} samples: How many samples did {last} collect?
? place: Where did {last} collect the samples?
? animal=the {animal}: Which animal is the study about?

@ bridge
firm=company place=city year=year count=count price=small material=solid
> built a bridge in {place}
> finished it in {year}
> [utilised~used] {material} from an old mill
= The bridge is {count} metres long. | Its length is {count} metres.
= It cost {price} million euros. | The bridge cost {price} million euros.
? place: Where is the bridge?
? year: When was the bridge finished?
? count={count} metres: How long is the bridge?
? price={price} million euros: How much did the bridge cost?
? firm: Which company built the bridge?

@ mayor
who=person place=city year=year building=building percent=percent count=count
> became mayor of {place} in {year}
> won {percent} percent of the votes
> wants to repair the {building}
> [allocated~set aside] {count} thousand euros for new trees
= The next election is in four years.
? place: Of which city is {last} mayor?
? year: When did {last} become mayor?
? percent={percent} percent: How many votes did {last} win?
? building=the {building}: What does {last} want to repair?

@ film
who=person title=title year=year place=country actor=person count=count
> directed {title}
> filmed the outdoor scenes in {place}
> [commenced~began] the work in {year}
= {actor} plays the main role. | The main role is played by {actor}.
= The film is {count} minutes long. | It lasts {count} minutes.
? title: Which film did {last} direct?
? place: Where were the outdoor scenes filmed?
? actor: Who plays the main role?
? count={count} minutes: How long is the film?

@ school_trip
who=person building=building day=day small=small animal=animal time=time
> took the class to the {building} on {day}
> counted the children {small} times
> showed them {a:animal}
> [returned~came back] before supper
= The bus left at {time}. | At {time}, the bus left.
? building=the {building}: Where did {last} take the class?
? day: On which day was the trip?
? animal={a:animal}: Which animal did the children see?
? time: When did the bus leave?

@ sailing
who=person place=city small=small animal=animal month=month other=person
> sailed out of {place} in {month}
> stayed at sea for {small} weeks
> [sighted~saw] {a:animal} on the deck one morning
> trusted the old map
= {other} cooked for the crew. | The cook of the crew was {other}.
? place: From which city did {last} sail?
? month: In which month did {last} sail?
? small={small} weeks: How long was {last} at sea?
? other: Who cooked for the crew?

@ language_class
who=person language=language day=day place=building small=small price=amount
> teaches {language} in the {place}
> has {small} students this term
> [permits~allows] no telephones in class
= The class meets on {day}. | On {day}, the class meets.
= The course book costs {price} euros.
? language: Which language does {last} teach?
? place=in the {place}: Where does {last} teach?
? small={small} students: How many students are there?
? day: On which day does the class meet?
? price={price} euros: How much is the course book?

@ rescue
who=person animal=animal street=street day=day vehicle=vehicle other=person
> rescued {a:animal} from a well near {street}
> borrowed a rope from {other}
> [informed~told] the fire brigade first
= It happened on {day} at noon.
= The {vehicle} came too late.
? animal={a:animal}: Which animal did {last} rescue?
? street: Where was the well?
? other: From whom was the rope borrowed?
? day: On which day did it happen?

@ prize
who=person subject=subject year=year price=count place=country title=title
> won a prize for {subject} in {year}
> grew up in {place}
> wrote {title}
> [donated~gave] the money to a village school
= The prize is worth {price} thousand euros. | {price} thousand euros is what the prize is worth.
? subject: For what did {last} win a prize?
? year: When did {last} win the prize?
? place: In which country did {last} grow up?
? title: Which book did {last} write?
? price={price} thousand euros: How much is the prize worth?

@ hiking
who=person place=country count=count small=small item=gear dayof=dayof
> hiked {count} kilometres through {place}
> carried {a:item} in the rucksack
> slept in a tent for {small} nights
> [commenced~began] the hike on {dayof}
= Water was hard to find on the way.
? count={count} kilometres: How far did {last} hike?
? place: Through which country did {last} hike?
? item={a:item}: What did {last} carry in the rucksack?
? small={small} nights: For how long did {last} sleep in a tent?
? dayof: On which date did the hike begin?

@ lighthouse !
who=person place=city year=year small=small animal=animal count=count
> kept the lighthouse near {place}
> climbed {count} steps every evening
> [terminated~ended] the work in {year}
> owned {a:animal} and {small} hens
= On clear nights the light was seen from far away.
? place: Near which city is the lighthouse?
? count={count} steps: How many steps did {last} climb?
? year: In which year did {last} end the work?
? animal={a:animal}: Which animal did {last} own?

@ fossil !
who=person place=country year=year count=count building=building other=person
> found a fossil in {place} in {year}
> carried it {count} kilometres to a road
> [donated~gave] it to the {building}
= {other} gave the fossil its name. | The fossil got its name from {other}.
? place: In which country was the fossil found?
? year: When was the fossil found?
? building=the {building}: To which place did {last} give the fossil?
? other: Who gave the fossil its name?

@ night_train !
who=person old=city new=city day=day time=time food=food
> travels from {old} to {new} every {day}
> sleeps in the last carriage
> [consumes~eats] {food} before midnight
= The train arrives at {time}. | At {time}, the train arrives.
? new: Where does {last} travel to?
? old: From where does the train come?
? time: At what time does the train arrive?
? food: What does {last} eat before midnight?
? day: On which day does {last} travel?

@ river !
who=person place=city count=count month=month vehicle=vehicle other=person
> measures the river in {place}
> reported a level of {count} centimetres in {month}
> [informs~tells] the city when it rises
= {other} drives the {vehicle} with the pumps. | The {vehicle} with the pumps is driven by {other}.
? place: In which city is the river measured?
? count={count} centimetres: How high was the river?
? month: In which month was the level reported?
? other: Who drives the {vehicle} with the pumps?
"""

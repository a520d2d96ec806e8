/*
 * taxonomy.h: kinds of personal data, and how sensitive people find them.
 *
 * Dotted names of the Fides taxonomy, extended where a shop knows more than it
 * lists; a parent covers its children, and a name that is not listed is as
 * sensitive as its nearest ancestor here. `sensitivity` is 0..100. Where the
 * source is "survey" it is (mean - 1) / 3 of 1,450 ratings from 1 (not at all)
 * to 4 (very) in Huang et al., J. Law & Biosciences 11(1), 2024, lsad032; where
 * it is "judgement" nobody has asked, and it was placed beside the nearest that
 * was. Means hide minorities: a fifth to a quarter call their religion or whom
 * they love very sensitive, though the average is mild. So the special
 * categories of GDPR Art. 9 and the convictions of Art. 10 are 80 at least.
 */
#ifndef PERSONA_TAXONOMY_H
#define PERSONA_TAXONOMY_H

#include "space/space.h"

/* In the order of their names, so that a parent comes before its children. */
static const SpaceCategory taxonomy[] = {
	{"system", 5, false, "judgement", "Data about things, not people"},
	{"user", 60, false, "judgement", "Anything about a person"},
	{"user.account", 15, false, "judgement", "An account and its settings"},
	{"user.account.username", 25, false, "judgement", "A name for logging in"},
	{"user.authorization", 90, false, "judgement", "What lets a person in"},
	{"user.authorization.password", 95, false, "judgement", "A password"},
	{"user.behavior", 60, false, "judgement", "What a person does"},
	{"user.behavior.browsing_history", 65, false, "survey", "Pages and things looked at"},
	{"user.behavior.cart", 65, false, "judgement", "Things in a cart, not bought"},
	{"user.behavior.communication", 76, false, "survey", "Whom a person calls and writes to"},
	{"user.behavior.dwell", 70, false, "judgement", "How long a person looked at something"},
	{"user.behavior.media_consumption", 45, false, "survey", "Films, music, books and games"},
	{"user.behavior.message_engagement", 55, false, "judgement", "Messages opened and clicked"},
	{"user.behavior.purchase_history", 53, false, "survey", "Purchases and returns"},
	{"user.behavior.search_history", 69, false, "survey", "What a person searched for"},
	{"user.biometric", 90, true, "judgement", "Face, voice, fingerprint, gait"},
	{"user.biometric.neural", 80, true, "survey", "Signals of the brain"},
	{"user.children", 80, false, "judgement", "Anything about a child"},
	{"user.contact", 30, false, "judgement", "Ways to reach a person"},
	{"user.contact.address", 40, false, "judgement", "A postal address"},
	{"user.contact.address.city", 25, false, "judgement", "Town of the address"},
	{"user.contact.address.country", 10, false, "judgement", "Country of the address"},
	{"user.contact.address.postal_code", 30, false, "judgement", "Postal code"},
	{"user.contact.address.state", 15, false, "judgement", "Region of the address"},
	{"user.contact.address.street", 45, false, "judgement", "Street and number"},
	{"user.contact.email", 30, false, "judgement", "E-mail address"},
	{"user.contact.phone_number", 40, false, "judgement", "Telephone number"},
	{"user.content", 55, false, "judgement", "What a person wrote or made"},
	{"user.content.private", 80, false, "survey", "Private messages: e-mail and text"},
	{"user.content.private.call", 84, false, "survey", "What was said on the telephone"},
	{"user.content.public", 63, false, "survey", "Posts on social media"},
	{"user.content.review", 30, false, "judgement", "Reviews, ratings and surveys"},
	{"user.criminal_history", 85, true, "judgement", "Convictions and offences"},
	{"user.demographic", 50, false, "judgement", "Facts about a person's life"},
	{"user.demographic.age_range", 40, false, "judgement", "An age or a range of ages"},
	{"user.demographic.date_of_birth", 61, false, "survey", "Birth date"},
	{"user.demographic.gender", 40, false, "judgement", "Gender and salutation"},
	{"user.demographic.intelligence", 59, false, "survey", "Results of tests of the mind"},
	{"user.demographic.language", 5, false, "judgement", "Language"},
	{"user.demographic.marital_status", 55, false, "judgement", "Married or not, and with whom"},
	{"user.demographic.political_opinion", 80, true, "survey", "Politics and trade unions"},
	{"user.demographic.profile", 60, false, "judgement", "A segment that a person was put into"},
	{"user.demographic.race_ethnicity", 80, true, "judgement", "Race or ethnic origin"},
	{"user.demographic.relationship", 73, false, "survey", "History of relationships"},
	{"user.demographic.religious_belief", 80, true, "survey", "Religion and beliefs"},
	{"user.demographic.sexual_orientation", 80, true, "survey", "Sex life and orientation"},
	{"user.device", 45, false, "judgement", "Devices and what they tell of themselves"},
	{"user.device.cookie", 50, false, "judgement", "Cookies and advertising ids"},
	{"user.device.ip_address", 55, false, "judgement", "IP address"},
	{"user.financial", 81, false, "survey", "Money: income, credit score"},
	{"user.financial.bank_account", 85, false, "judgement", "Bank account"},
	{"user.financial.credit_card", 88, false, "judgement", "Card number"},
	{"user.genetic", 80, true, "survey", "Genes"},
	{"user.government_id", 95, false, "survey", "Numbers that the state gives"},
	{"user.health_and_medical", 80, true, "survey", "Health and medicines"},
	{"user.health_and_medical.substance_use", 80, true, "survey", "Alcohol, tobacco and other drugs"},
	{"user.job_title", 25, false, "judgement", "Occupation"},
	{"user.location", 78, false, "survey", "Where a person is, over time"},
	{"user.location.imprecise", 50, false, "judgement", "Where, about: city, region, time zone"},
	{"user.location.precise", 85, false, "judgement", "Where, to the street"},
	{"user.name", 15, false, "judgement", "Name"},
	{"user.name.first", 15, false, "judgement", "First name"},
	{"user.name.last", 15, false, "judgement", "Last name"},
	{"user.payment", 60, false, "judgement", "How a person pays"},
	{"user.privacy_preferences", 10, false, "judgement", "Consents and preferences"},
	{"user.sensor", 66, false, "judgement", "What a device on the body measures"},
	{"user.sensor.attention", 67, false, "survey", "Alert, tired, focused, distracted"},
	{"user.sensor.emotion", 73, false, "survey", "Moods and feelings"},
	{"user.sensor.sleep", 57, false, "survey", "Sleep"},
	{"user.social", 64, false, "survey", "Friends and connections"},
	{"user.telemetry", 50, false, "judgement", "How a product is used"},
	{"user.unique_id", 35, false, "judgement", "Numbers that stand for a person"},
	{"user.unique_id.loyalty", 25, false, "judgement", "Loyalty card"},
	{"user.workplace", 25, false, "judgement", "Employer"},
};

#endif							/* PERSONA_TAXONOMY_H */

// SPDX-License-Identifier: MIT
#include "libfiona/triggers/state.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/base/words.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <utility>

namespace fiona::triggers {

namespace fs = std::filesystem;

namespace {

using Phase = WaitingMail::Phase;
constexpr WordTable<Phase, 4> phases{{{Phase::ready, "ready"},
                                      {Phase::sending, "sending"},
                                      {Phase::uncertain, "uncertain"},
                                      {Phase::refused, "refused"}}};

json::Value to_json(const WaitingMail& mail)
{
    json::Object object{{"key", mail.key},
                        {"body", mail.body},
                        {"phase", word_of(phases, mail.phase)},
                        {"refusals", mail.refusals}};
    if (mail.attachment) {
        object["attachment"] = *mail.attachment;
    }
    return object;
}

const json::Value& member(const json::Value& object, std::string_view key)
{
    const auto* const found = object.find(key);
    if (found == nullptr) {
        throw Error{Fault::data, "no {}", key};
    }
    return *found;
}

WaitingMail mail_of(const json::Value& json)
{
    const auto phase = meaning_of(phases, member(json, "phase").string());
    if (!phase) {
        throw Error{Fault::data, "an unknown phase"};
    }
    WaitingMail mail{.key = member(json, "key").string(),
                     .body = member(json, "body").string(),
                     .attachment = {},
                     .phase = *phase,
                     .refusals = static_cast<unsigned>(member(json, "refusals").integer())};
    if (const auto* const attachment = json.find("attachment")) {
        mail.attachment = attachment->string();
    }
    return mail;
}

json::Value to_json(const DueLetter& letter)
{
    return json::Object{{"key", letter.key},
                        {"event", letter.event},
                        {"action", letter.action},
                        {"firing", json::Object{{"key", letter.firing.key},
                                                {"items", letter.firing.items},
                                                {"since", letter.firing.since}}},
                        {"failures", letter.failures}};
}

DueLetter letter_of(const json::Value& json)
{
    const auto& firing = member(json, "firing");
    return {.key = member(json, "key").string(),
            .event = member(json, "event").string(),
            .action = member(json, "action").string(),
            .firing = {.key = member(firing, "key").string(),
                       .items = member(firing, "items").array(),
                       .since = member(firing, "since").string()},
            .failures = static_cast<unsigned>(member(json, "failures").integer())};
}

LinkState state_of(const json::Value& json)
{
    LinkState state{.fingerprint = member(json, "fingerprint").string()};
    for (const auto& [event, value] : member(json, "events").object()) {
        state.event_states.emplace(event, value);
    }
    for (const auto& key : member(json, "sent").array()) {
        state.sent.push_back(key.string());
    }
    for (const auto& mail : member(json, "mails").array()) {
        state.mails.push_back(mail_of(mail));
    }
    if (const auto* const due = json.find("due")) { // files of before have none
        for (const auto& letter : due->array()) {
            state.due.push_back(letter_of(letter));
        }
    }
    return state;
}

} // namespace

bool LinkState::knows(const std::string& key) const
{
    return std::ranges::find(sent, key) != sent.end()
           || std::ranges::find(mails, key, &WaitingMail::key) != mails.end()
           || std::ranges::find(due, key, &DueLetter::key) != due.end();
}

void LinkState::note_sent(const std::string& key)
{
    constexpr std::size_t most_keys = 500;
    sent.push_back(key);
    if (sent.size() > most_keys) {
        sent.erase(sent.begin());
    }
}

LinkStates::LinkStates(fs::path directory) : m_directory{std::move(directory)} {}

fs::path LinkStates::file_of(const Link& link) const
{
    constexpr std::size_t most_bytes = 100;
    constexpr std::size_t digits = 12; // two long ids may begin alike
    return m_directory
           / fmt::format("{}-{}.json", percent_encoded(link.id, most_bytes),
                         sha256_hex(link.id).substr(0, digits));
}

std::optional<LinkState> LinkStates::load(const Link& link) const
{
    const auto file = file_of(link);
    const auto text = read_file_if_any(file);
    if (!text) {
        return std::nullopt;
    }
    try {
        auto state = state_of(json::parse(*text, "the state"));
        return state.fingerprint == link.fingerprint() ? std::optional{std::move(state)}
                                                       : std::nullopt;
    } catch (const Error& e) {
        throw e.in(file.native());
    }
}

void LinkStates::save(const Link& link, const LinkState& state) const
{
    json::Object events;
    for (const auto& [event, value] : state.event_states) {
        events.emplace(event, value);
    }
    json::Array mails;
    for (const auto& mail : state.mails) {
        mails.push_back(to_json(mail));
    }
    json::Array due;
    for (const auto& letter : state.due) {
        due.push_back(to_json(letter));
    }
    make_directories(m_directory);
    store::write_file(
        file_of(link),
        json::write(json::Object{{"fingerprint", state.fingerprint},
                                 {"events", std::move(events)},
                                 {"sent", json::Array(state.sent.begin(), state.sent.end())},
                                 {"mails", std::move(mails)},
                                 {"due", std::move(due)}},
                    json::Style::pretty)
            + "\n",
        0600);
}

} // namespace fiona::triggers

// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/answered_requests.h"

#include <algorithm>

namespace fiona::redcapd {

namespace {

constexpr std::int64_t kept_seconds = 86'400; // a day
constexpr std::size_t max_id = 64;

bool is_request_id(std::string_view text)
{
    return text.size() <= max_id && std::ranges::all_of(text, [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                      || c == '-';
           });
}

} // namespace

std::optional<RequestKey> request_key(const FormData& form, std::int64_t project)
{
    const auto& id = form.text("fiona_request_id");
    if (id.empty()) {
        return std::nullopt;
    }
    if (!is_request_id(id)) {
        throw Refusal{400, "The value of the parameter \"fiona_request_id\" is not valid"};
    }
    return RequestKey{project, id, form.digest()};
}

std::optional<Answer> remembered_answer(Database& database, const RequestKey& key)
{
    Query query{database,
                "SELECT digest, content_type, body FROM answered WHERE project = ? AND request = ?",
                key.project, key.id};
    if (!query.next()) {
        return std::nullopt;
    }
    if (query.text(0) != key.digest) {
        throw Refusal{400, "The parameter \"fiona_request_id\" belongs to another request"};
    }
    return Answer{200, query.text(1), query.text(2)};
}

void remember_answer(Database& database, const RequestKey& key, const Answer& answer, TimePoint now)
{
    const auto seconds = epoch_seconds(now);
    run(database, "DELETE FROM answered WHERE time < ?", seconds - kept_seconds);
    run(database,
        "INSERT INTO answered (project, request, time, digest, content_type, body) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        key.project, key.id, seconds, key.digest, answer.content_type, answer.body);
}

} // namespace fiona::redcapd

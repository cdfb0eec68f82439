// SPDX-License-Identifier: MIT
#include "libfiona/triggers/link.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <fmt/ranges.h>

#include <set>

namespace fiona::triggers {

namespace {

std::string needed(const json::Value& entry, std::string_view key, std::string_view fallback = {})
{
    constexpr std::size_t longest = 200;
    auto text = entry.text(key, fallback);
    if (text.empty() || text.size() > longest) {
        throw Error{Fault::data, "{} is missing or too long", key};
    }
    return text;
}

std::vector<std::string> parameters_of(const json::Value& entry)
{
    const auto* const found = entry.find("action_param");
    if (found == nullptr || found->is_null()) {
        return {};
    }
    if (!found->is_array()) {
        return {found->text()};
    }
    std::vector<std::string> parameters;
    for (const auto& parameter : found->array()) {
        parameters.push_back(parameter.text());
    }
    return parameters;
}

Link read_link(const json::Value& entry, const std::string& key)
{
    if (!entry.is_object()) {
        throw Error{Fault::data, "it is no object"};
    }
    return {.id = needed(entry, "id", key),
            .user = needed(entry, "user"),
            .event = needed(entry, "event"),
            .action = needed(entry, "action"),
            .parameters = parameters_of(entry),
            .document = entry};
}

} // namespace

std::string Link::fingerprint() const
{
    json::Array parts{user, event, action};
    parts.insert(parts.end(), parameters.begin(), parameters.end());
    return sha256_hex(json::write(parts));
}

std::string Link::subject() const
{
    return fmt::format("{} ({})", action, fmt::join(parameters, ", "));
}

Links read_links(const std::filesystem::path& file)
{
    Links result;
    const auto text = read_file_if_any(file);
    if (!text) {
        return result;
    }
    const auto document = json::parse(*text, file.native());
    std::set<std::string> ids;
    const auto take = [&](const json::Value& entry, const std::string& key,
                          const std::string& where) {
        try {
            auto link = read_link(entry, key);
            if (!ids.insert(link.id).second) {
                throw Error{Fault::data, "another link has its id"};
            }
            result.links.push_back(std::move(link));
        } catch (const Error& e) {
            result.complaints.push_back(fmt::format("{}: {}", where, e.what()));
        }
    };
    if (document.is_object()) {
        for (const auto& [key, entry] : document.object()) {
            take(entry, key, fmt::format("link {}", key));
        }
    } else if (document.is_array()) {
        std::size_t number = 0;
        for (const auto& entry : document.array()) {
            take(entry, "", fmt::format("entry {}", ++number));
        }
    } else {
        throw Error{Fault::data, "{}: no list of links", file.native()};
    }
    return result;
}

} // namespace fiona::triggers

// SPDX-License-Identifier: MIT
#include "libfiona/routing/assign_identity.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::routing {

namespace {

constexpr std::size_t shortest_id_inside = 6; // shorter ones occur in pseudonyms by chance

/// Bytes above ASCII stay: a name in another script is compared too.
std::string normalized(std::string_view text)
{
    std::string result;
    for (const char c : lower_case(text)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80U || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z')) {
            result += c;
        }
    }
    return result;
}

/// One text, or all texts of a list.
std::vector<std::string> texts(const json::Value& properties, std::string_view key)
{
    const auto* const found = properties.find(key);
    if (found == nullptr || !found->is_array()) {
        return {properties.text(key)};
    }
    std::vector<std::string> all;
    for (const auto& item : found->array()) {
        all.push_back(item.text());
    }
    return all;
}

} // namespace

StudyIdentity::StudyIdentity(const store::StudyTree& tree, const StudyUid& study)
{
    for (const auto& series : tree.series(study)) {
        if (!series.properties) {
            continue;
        }
        for (const auto& id : texts(*series.properties, "PatientID")) {
            add(id);
            if (auto plain = normalized(id); plain.size() >= shortest_id_inside) {
                m_long_ids.emplace_back(std::move(plain));
            }
        }
        for (const auto& name : texts(*series.properties, "PatientName")) {
            add(name);
            // PS3.5 section 6.2.1: groups are separated by `=`, components by `^`.
            for (const auto group : split(name, '=')) {
                add(std::string{group});
                for (const auto component : split(group, '^')) {
                    add(std::string{component});
                }
            }
        }
    }
}

void StudyIdentity::add(const std::string& value)
{
    if (const auto plain = normalized(value); plain.size() > 1) {
        m_digests.insert(sha256_hex(plain));
    }
}

void StudyIdentity::refuse_if_equal(const ParticipantId& participant) const
{
    const auto plain = normalized(participant.str());
    const bool holds_id = std::ranges::any_of(m_long_ids, [&](const Private<std::string>& id) {
        return plain.find(id.reveal()) != std::string::npos;
    });
    if (holds_id || m_digests.contains(sha256_hex(plain))) {
        throw Error{Fault::data,
                    "the participant id is, or holds, the PatientID or PatientName of this study: "
                    "choose a pseudonym"};
    }
}

} // namespace fiona::routing

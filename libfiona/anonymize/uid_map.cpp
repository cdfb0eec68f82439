// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/uid_map.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <span>

namespace fiona::anonymize {

namespace {

constexpr std::string_view original_root = "1.3.6.1.4.1.45037.";

/// Elements the original hashed without root and project.
constexpr std::array<std::uint32_t, 18> plain_places{
    0x00080014, 0x00080058, 0x0008010d, 0x00081195, 0x00083010, 0x00089123,
    0x00200200, 0x00209161, 0x00209164, 0x00281199, 0x00281214, 0x00404023,
    0x0040a124, 0x0040db0c, 0x0040db0d, 0x0070031a, 0x00880140, 0x300a0013};

/// The original's two renderings of a digest: hexadecimal, or a digit for each of 16 values.
std::string render(const Sha256Digest& digest, UidScheme scheme)
{
    auto text = to_hex(digest);
    if (scheme != UidScheme::compat_hex) {
        for (auto& c : text) {
            c = c >= 'a' ? static_cast<char>(c - 'a' + '0') : c;
        }
    }
    return text;
}

/// 128 bits as a decimal number (PS3.5 §B.2: UUID derived UIDs).
std::string decimal(std::span<const std::byte> bytes)
{
    std::string digits; // least significant first
    std::vector<unsigned> number;
    for (const auto byte : bytes) {
        number.push_back(std::to_integer<unsigned>(byte));
    }
    while (std::ranges::any_of(number, [](unsigned part) { return part != 0; })) {
        unsigned rest = 0;
        for (auto& part : number) {
            const auto value = rest * 256 + part;
            part = value / 10;
            rest = value % 10;
        }
        digits += static_cast<char>('0' + rest);
    }
    std::ranges::reverse(digits);
    return digits.empty() ? "0" : digits;
}

std::string padded(std::string_view stored, char padding)
{
    std::string result{stored};
    if (result.size() % 2 != 0) {
        result += padding;
    }
    return result;
}

} // namespace

bool is_standard_uid(std::string_view uid)
{
    constexpr std::string_view root = "1.2.840.10008.";
    constexpr std::size_t most_digits = 4; // of a component in PS3.6 Annex A
    if (!uid.starts_with(root) || !is_uid(uid)) {
        return false;
    }
    // Makers of bad UIDs borrow the root and put a date or a number behind it.
    const auto parts = split(uid.substr(root.size()), '.');
    return std::ranges::all_of(parts,
                               [](std::string_view part) { return part.size() <= most_digits; });
}

bool is_instance_place(UidPlace place)
{
    constexpr std::array<std::uint32_t, 3> places{0x00080018, 0x0020000d, 0x0020000e};
    return std::ranges::find(places, std::uint32_t{place.group} << 16U | place.element)
           != places.end();
}

UidForm uid_form(UidPlace place)
{
    const auto number = std::uint32_t{place.group} << 16U | place.element;
    if (number == 0x0020000d) {
        return UidForm::study;
    }
    return std::ranges::find(plain_places, number) == plain_places.end() ? UidForm::instance
                                                                         : UidForm::plain;
}

UidMap::UidMap(UidScheme scheme, std::string project, std::vector<std::byte> key)
    : m_scheme{scheme}, m_project{std::move(project)}, m_key{std::move(key)}
{
    if (m_scheme == UidScheme::hmac && m_key.empty()) {
        throw Error{Fault::config, "project {}: the UID scheme hmac needs a key file", m_project};
    }
}

std::string UidMap::make(std::string_view stored, UidForm form) const
{
    if (m_scheme == UidScheme::hmac) {
        std::string text{m_project};
        text += '\0';
        text += stored;
        auto digest = hmac_sha256(m_key, text);
        digest[6] = (digest[6] & std::byte{0x0f}) | std::byte{0x80}; // UUID version 8, RFC 9562
        digest[8] = (digest[8] & std::byte{0x3f}) | std::byte{0x80}; // and variant
        return "2.25." + decimal(std::span{digest}.first(16));
    }
    if (form == UidForm::plain) {
        return render(sha256(padded(stored, '\0')), m_scheme);
    }
    const auto input = form == UidForm::study ? std::string{trimmed(stored)} : padded(stored, '\0');
    // 63, not 64, characters: one short, as in all data the original has sent.
    return (std::string{original_root} + render(sha256(input + m_project), m_scheme)).substr(0, 63);
}

std::string UidMap::map(std::string_view stored, UidForm form)
{
    const auto bare = trimmed(stored);
    if (bare.empty() || is_standard_uid(bare)) {
        return std::string{bare};
    }
    if (m_scheme == UidScheme::hmac && bare.find('\\') != std::string_view::npos) {
        std::string all;
        for (const auto part : split(bare, '\\')) {
            all += (all.empty() ? "" : "\\") + map(part, form);
        }
        return all;
    }
    std::string key{form == UidForm::study ? "s" : form == UidForm::plain ? "p" : "i"};
    key += m_scheme == UidScheme::hmac || form == UidForm::study ? bare : stored;
    const std::lock_guard lock{m_mutex};
    const auto [at, is_first] = m_made.try_emplace(std::move(key));
    if (is_first) {
        at->second = make(m_scheme == UidScheme::hmac ? bare : stored, form);
        m_new.insert(at->second);
    }
    return at->second;
}

std::string UidMap::number(std::string_view stored, std::string_view study_uid) const
{
    constexpr std::size_t length = 16; // SH, PS3.5 §6.2
    if (m_scheme != UidScheme::hmac) {
        return render(sha256(padded(stored, ' ')), m_scheme).substr(0, length);
    }
    const auto bare = trimmed(stored);
    std::string text{m_project};
    text += '\0';
    text += bare.empty() ? "study number " : "number ";
    text += bare.empty() ? study_uid : bare;
    return render(hmac_sha256(m_key, text), m_scheme).substr(0, length);
}

std::string UidMap::study_number(std::string_view study_uid) const
{
    constexpr std::size_t length = 16;
    if (m_scheme != UidScheme::hmac) {
        const auto hash = sha256(std::string{trimmed(study_uid)} + m_project);
        return render(hash, m_scheme).substr(0, length);
    }
    std::string text{m_project};
    text += '\0';
    text += "study id ";
    text += trimmed(study_uid);
    return render(hmac_sha256(m_key, text), m_scheme).substr(0, length);
}

bool UidMap::is_new(std::string_view uid) const
{
    const std::lock_guard lock{m_mutex};
    return m_new.contains(std::string{uid});
}

std::map<std::string, std::string> UidMap::pairs(UidForm form) const
{
    const char wanted = form == UidForm::study ? 's' : form == UidForm::plain ? 'p' : 'i';
    std::map<std::string, std::string> result;
    const std::lock_guard lock{m_mutex};
    for (const auto& [key, made] : m_made) {
        if (key.front() == wanted) {
            result.emplace(trimmed(std::string_view{key}.substr(1)), made);
        }
    }
    return result;
}

} // namespace fiona::anonymize

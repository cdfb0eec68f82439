// SPDX-License-Identifier: MIT
#include "libfiona/store/sent_images.h"

#include "libfiona/base/files.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona::store {

namespace {

constexpr std::string_view stored_word = "stored";
constexpr std::string_view lost_word = "lost";
constexpr std::string_view once_word = "once";
constexpr std::string_view decoded_word = "decoded";
constexpr std::string_view before_word = "before";
constexpr std::string_view whole = "ok"; // last word
constexpr std::size_t digest_digits = 64;

std::string key_of(std::string_view series, std::string_view sop)
{
    return fmt::format("{} {}", series, sop);
}

} // namespace

std::filesystem::path SentImages::journal_of(const Paths& paths, const TransferRequest& request)
{
    return paths.state() / "transfers" / (request.file_name() + ".sent");
}

SentImages SentImages::read(const std::filesystem::path& journal)
{
    SentImages images;
    for (const auto text = read_file_if_any(journal).value_or("");
         const auto line : split(text, '\n')) {
        images.take(line);
    }
    return images;
}

const SentImage* SentImages::find(const std::string& series, const std::string& sop) const
{
    const auto found = m_images.find(key_of(series, sop));
    return found == m_images.end() ? nullptr : &found->second;
}

std::size_t SentImages::count_new() const
{
    const auto sent =
        std::ranges::count_if(m_images, [](const auto& image) { return !image.second.was_before; });
    return static_cast<std::size_t>(sent) + m_once.size();
}

std::string SentImages::once_lines() const
{
    auto keys = m_once;
    for (const auto& [key, image] : m_images) {
        if (!image.was_before) {
            keys.insert(key);
        }
    }
    std::string lines;
    for (const auto& key : keys) {
        lines += fmt::format("{} {} {}\n", once_word, key, whole);
    }
    return lines;
}

void SentImages::take(std::string_view line)
{
    const auto words = split(line, ' ');
    const auto is_line = [&](std::string_view word, std::size_t least) {
        return words.size() >= least && words.front() == word && words.back() == whole;
    };
    if (is_line(once_word, 4)) {
        m_once.insert(key_of(words[1], words[2]));
        return;
    }
    if (!is_line(lost_word, 4) && !is_line(stored_word, 4)) {
        return;
    }
    const auto key = key_of(words[1], words[2]);
    m_once.erase(key);
    if (is_line(lost_word, 4)) {
        m_images.erase(key);
        return;
    }
    SentImage image;
    if (words.size() > 4) {
        image.status = words[3];
    }
    for (std::size_t i = 4; i + 1 < words.size(); ++i) {
        image.was_decoded = image.was_decoded || words[i] == decoded_word;
        image.was_before = image.was_before || words[i] == before_word;
        image.sha256 = words[i].size() == digest_digits ? std::string{words[i]} : image.sha256;
    }
    m_images.insert_or_assign(key, std::move(image));
}

std::string SentImages::stored_line(const std::string& series, const std::string& sop,
                                    const SentImage& image)
{
    auto line = fmt::format("{} {} {} {}", stored_word, series, sop, image.status);
    if (image.was_decoded) {
        line += fmt::format(" {}", decoded_word);
    }
    if (image.was_before) {
        line += fmt::format(" {}", before_word);
    }
    if (!image.sha256.empty()) {
        line += " " + image.sha256;
    }
    return fmt::format("{} {}", line, whole);
}

std::string SentImages::lost_line(const std::string& series, const std::string& sop)
{
    return fmt::format("{} {} {} {}", lost_word, series, sop, whole);
}

} // namespace fiona::store

// SPDX-License-Identifier: MIT
#include "libfiona/store/sent_images.h"

#include "libfiona/base/files.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fiona::store {

namespace {

constexpr std::string_view stored_word = "stored";
constexpr std::string_view lost_word = "lost";
constexpr std::string_view try_word = "request";
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

void SentImages::take(std::string_view line)
{
    const auto words = split(line, ' ');
    const auto is_line = [&](std::string_view word, std::size_t least) {
        return words.size() >= least && words.front() == word && words.back() == whole;
    };
    if (words.front() == try_word) {
        for (const auto& [key, image] : std::exchange(m_images, {})) {
            if (!image.was_before) {
                m_once.insert(key);
            }
        }
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

std::string SentImages::try_line(std::string_view digest)
{
    return fmt::format("{} {}", try_word, digest);
}

bool SentImages::is_try_line(std::string_view line)
{
    return split(line, ' ').front() == try_word;
}

std::string SentImages::lost_line(const std::string& series, const std::string& sop)
{
    return fmt::format("{} {} {} {}", lost_word, series, sop, whole);
}

} // namespace fiona::store

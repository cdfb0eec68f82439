// SPDX-License-Identifier: MIT
#include "libfiona/wsi/header_proof.h"

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/source_file.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::wsi {

namespace {

constexpr std::size_t shortest = 4; // characters; shorter ones are in every file
constexpr anonymize::Tag sop_instance_tag{0x0008, 0x0018};

bool is_word_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// As a word of its own: four digits stand inside many a UID.
bool holds(std::string_view text, std::string_view word)
{
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        const auto end = at + word.size();
        const bool is_part = (at > 0 && is_word_character(text[at - 1]))
                             || (end < text.size() && is_word_character(text[end]));
        if (!is_part) {
            return true;
        }
    }
    return false;
}

bool is_of_the_record(const Upload& upload, std::string_view word)
{
    return std::ranges::any_of(record_keys(), [&](std::string_view key) {
        const auto found = upload.content.find(key);
        return found != upload.content.end() && holds(found->second.text(), word);
    });
}

} // namespace

void require_clean_header(const std::filesystem::path& file, const std::string& sop_instance,
                          const Slide& slide, const Upload& upload)
{
    const auto layout = anonymize::examine(file);
    const anonymize::SourceFile source{file, layout};
    const auto header = source.header();
    const auto parsed = anonymize::read_data_set(header, layout.encoding);
    const auto* const sop = parsed.root.find(sop_instance_tag);
    if (sop == nullptr || trimmed(sop->value()) != sop_instance) {
        throw Error{Fault::internal, "a level was written under another SOP instance UID"};
    }
    const auto look_for = [&](std::string_view value, std::string_view name) {
        const auto word = trimmed(value);
        if (word.size() >= shortest && !is_of_the_record(upload, word) && holds(header, word)) {
            throw Error{Fault::data, "the DICOM header holds what identifies in the slide: {}",
                        name};
        }
    };
    for (const auto& item : slide.identifying()) {
        look_for(item.value.reveal(), item.name);
    }
    look_for(std::filesystem::path{upload.image.back()}.stem().native(), "the upload's file name");
}

} // namespace fiona::wsi

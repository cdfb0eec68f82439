// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/store/requests.h"

#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace fiona::store {

/// What the research PACS has said of one image that was sent to it.
struct SentImage {
    std::string status = "0000"; ///< of C-STORE, four hex digits
    bool was_decoded = false;
    bool was_before = false; ///< by an earlier transfer, and not sent again
    std::string sha256{};    ///< of the file that was sent; "" if nobody noted it
};

/// The images of one request that the research PACS has, as the journal of its transfer tells it, in lines
/// `request DIGEST`, where a try begins, and of that `stored SERIES SOP STATUS [decoded] [before] [SHA256] ok`
/// and `lost SERIES SOP ok`. New identifiers only. A line of an image without its last word was cut short by a
/// crash, and counts as none.
///
/// request   journal      images
/// waiting      -         none is in the PACS
/// waiting  without any   none is there, as far as the PACS has said
/// waiting  with some     they are there, and neither REDCap nor a receipt says so: not to be taken back before
///                        the transfer has ended
class SentImages {
public:
    /// Where the journal of a transfer is: `<processing>/state/transfers/<request>.sent`, by what is
    /// asked for, not by how the file is called: old tools name requests in other ways.
    [[nodiscard]] static std::filesystem::path journal_of(const Paths& paths,
                                                          const TransferRequest& request);
    /// What is in it, however old it is: images do not go from the PACS by themselves.
    [[nodiscard]] static SentImages read(const std::filesystem::path& journal);

    /// Nothing if the PACS has it not, has said later that it lost it, or took it in a try that is no longer
    /// continued.
    [[nodiscard]] const SentImage* find(const std::string& series, const std::string& sop) const;
    /// How many the PACS has that no finished transfer has brought there.
    [[nodiscard]] std::size_t count_new() const;

    /// A line of the journal; those that are not about an image change nothing.
    void take(std::string_view line);
    /// `digest`: of the request's content.
    [[nodiscard]] static std::string try_line(std::string_view digest);
    [[nodiscard]] static bool is_try_line(std::string_view line);
    [[nodiscard]] static std::string stored_line(const std::string& series, const std::string& sop,
                                                 const SentImage& image);
    [[nodiscard]] static std::string lost_line(const std::string& series, const std::string& sop);

private:
    std::map<std::string, SentImage> m_images; ///< by `SERIES SOP`
    std::set<std::string> m_once;              ///< of tries given up, and not sent since
};

} // namespace fiona::store

// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/tag_review.h"
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/store/atomic_file.h"

using namespace fiona; // NOLINT(google-build-using-namespace) a tool speaks the library's language

namespace {

std::vector<std::vector<std::string>> rows_of(const anonymize::TagReview& review)
{
    std::vector<std::vector<std::string>> rows{
        {"tag", "keyword", "vr", "files", "count", "distinct", "examples"}};
    for (const auto& tag : review.tags) {
        std::string examples;
        for (const auto& example : tag.examples) {
            examples += (examples.empty() ? "" : " | ") + example;
        }
        for (auto& c : examples) {
            c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c; // nothing moves the cursor
        }
        rows.push_back({tag.path, tag.keyword, tag.vr, std::to_string(tag.files),
                        std::to_string(tag.values), std::to_string(tag.distinct), examples});
    }
    return rows;
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-review-tags", "every tag of de-identified files with its values",
                   "fiona-review-tags clean --html review.html"};
    tool.with_dry_run();
    std::vector<std::filesystem::path> roots;
    std::string html;
    std::string title = "De-identified files";
    std::size_t examples = 5;
    tool.options().add_option("FILES", roots, "files, or directories of them")->required();
    tool.options()
        .add_option("--examples", examples, "most examples of one tag")
        ->check(CLI::Range(0U, 1000U));
    tool.options().add_option("--html", html, "write a page, mode 0600");
    tool.options().add_option("--title", title, "title of the page");

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto review = anonymize::review_tags(roots, examples);
        if (!html.empty() && tool.mode() == Mode::apply) {
            store::write_file(html, anonymize::as_html(review, title), 0600);
        }
        tool.report(anonymize::as_json(review),
                    html.empty() ? cli::table(rows_of(review)) : std::vector<std::string>{});
        if (review.set_aside != 0) {
            throw Error{Fault::data, "{} files are no DICOM or damaged", review.set_aside};
        }
    });
}

module example.com/shop

go 1.19

require github.com/tabalt/gracehttp v1.3.0

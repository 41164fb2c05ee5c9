module example.com/shop

go 1.19

require github.com/cloudflare/tableflip v1.2.3
